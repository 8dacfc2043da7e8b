// The run directory, its log and its CSV files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/records/append_file.h"
#include "millrace/records/metrics_csv.h"
#include "millrace/records/run_directory.h"
#include "millrace/records/run_log.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::records_test {
namespace {

namespace fs = std::filesystem;
using records::MetricsCsv;
using records::RunDirectory;
using records::RunLog;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(RunDirectory, TakesTheNextNumberWhereTheNameIsTaken) {
  const test::Directory folder;
  const std::string runs = folder.path() + "/deep/runs";
  EXPECT_EQ(RunDirectory::make(runs, "digits").path(), runs + "/digits");
  EXPECT_EQ(RunDirectory::make(runs, "digits").path(), runs + "/digits-2");
  std::ofstream(runs + "/digits-3") << "a file";
  EXPECT_EQ(RunDirectory::make(runs, "digits").path(), runs + "/digits-4");
}

TEST(RunDirectory, IsTriedBeforeItIsMadeAndLeavesNothing) {
  const test::Directory folder;
  RunDirectory::require_possible(folder.path() + "/deep/runs");
  EXPECT_TRUE(fs::is_empty(folder.path()));
  std::ofstream(folder.path() + "/file") << "a file";
  EXPECT_THAT(error_of([&] { RunDirectory::require_possible(folder.path() + "/file/runs"); }),
              HasSubstr("/file' is a file, where the folder of runs would be"));
  EXPECT_THAT(error_of([] { RunDirectory::require_possible("/proc/runs"); }), HasSubstr("in '/proc/runs': "));
}

TEST(RunDirectory, IsAnotherForEachWhoAsksAtTheSameTime) {
  const test::Directory folder;
  std::vector<std::string> made(8);
  std::vector<std::thread> threads;
  for (std::string& path : made)
    threads.emplace_back([&folder, &path] { path = RunDirectory::make(folder.path(), "run").path(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(made.begin(), made.end()).size(), made.size());
}

TEST(AppendFile, SaysOfADiskThatIsFullWhatCouldNotBeWritten) {
  auto file = records::AppendFile::open("/dev/full");
  EXPECT_EQ(error_of([&] { file.append("x"); }), "cannot write '/dev/full': No space left on device");
  EXPECT_EQ(error_of([] { records::AppendFile::open("/nowhere/log.txt"); }),
            "cannot write '/nowhere/log.txt': No such file or directory");
}

TEST(RunDirectory, IsOpenedByItsConfigurationAlone) {
  const test::Directory folder;
  auto run = RunDirectory::make(folder.path(), "run");
  EXPECT_THAT(error_of([&] { RunDirectory::open(run.path()); }),
              AllOf(HasSubstr("run' is no run directory, it has no config.yaml"), HasSubstr("give that of the run")));
  EXPECT_THAT(error_of([&] { RunDirectory::open(folder.path() + "/none"); }), HasSubstr("/none' is no folder"));
  run.write_config("epochs: 3\n");
  EXPECT_EQ(RunDirectory::open(run.path()).path(), run.path());
  EXPECT_EQ(text_of(run.path() + "/config.yaml"), "epochs: 3\n");
}

TEST(RunDirectory, SaysWhatIsWhereOfWhatIsThere) {
  const test::Directory folder;
  auto run = RunDirectory::make(folder.path(), "run");
  run.write_config("epochs: 3\n");
  std::ofstream(run.file("metrics.csv", "loss and accuracy, a row each epoch")) << "epoch\n";
  run.file("best.pt", "the weights of the best epoch");
  EXPECT_EQ(run.file("metrics.csv", "again"), run.path() + "/metrics.csv");
  EXPECT_EQ(run.overview(), run.path() +
                                "/config.yaml  the configuration, with everything that was not said in the file\n" +
                                run.path() + "/metrics.csv  loss and accuracy, a row each epoch\n");
}

// A process that has the directory of a run until it is killed.
class OtherTrainer {
 public:
  explicit OtherTrainer(const std::string& folder) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto run = RunDirectory::open(folder);
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char letter = 0;
    EXPECT_EQ(::read(ends[0], &letter, 1), 1);
    ::close(ends[0]);
  }
  ~OtherTrainer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  OtherTrainer(const OtherTrainer&) = delete;
  OtherTrainer& operator=(const OtherTrainer&) = delete;

  std::string number() const { return std::to_string(pid_); }

 private:
  pid_t pid_ = 0;
};

TEST(RunDirectory, IsOfOneProcessUntilThatDies) {
  const test::Directory folder;
  std::string path;
  {
    auto run = RunDirectory::make(folder.path(), "run");
    run.write_config("epochs: 3\n");
    path = run.path();
  }
  {
    const OtherTrainer other(path);
    EXPECT_THAT(error_of([&] { RunDirectory::open(path); }),
                AllOf(HasSubstr("run' is being trained by process " + other.number()), HasSubstr("wait for its end")));
  }
  EXPECT_EQ(RunDirectory::open(path).path(), path);
}

TEST(RunDirectory, LosesWhatAKilledRunLeftUnderPassingNames) {
  const test::Directory folder;
  std::string path;
  {
    auto run = RunDirectory::make(folder.path(), "run");
    run.write_config("epochs: 3\n");
    path = run.path();
  }
  const std::set<std::string> kept{"config.yaml", "run.lock", "last.pt.tmp", "last.pt.x.tmp", "notes.txt.12.tmp"};
  for (const std::string& name : kept)
    if (!fs::exists(path + "/" + name)) std::ofstream(path + "/" + name) << "mine";
  for (const char* name : {"last.pt.12.tmp", "epoch_3.pt.9.tmp", "loss.svg.1.tmp", "config.yaml.7.tmp"})
    std::ofstream(path + "/" + name) << "half";
  RunDirectory::open(path);
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(path)) found.insert(entry.path().filename().string());
  EXPECT_EQ(found, kept);
}

TEST(RunLog, GivesEachLineItsTimeAndGoesOnBehindWhatIsThere) {
  const test::Directory folder;
  const std::string path = folder.path() + "/log.txt";
  RunLog(path, [] { return 0.0; }).write("epoch 1/3: loss 0.5\nsaved\n");
  RunLog(path, [] { return 1764396000.9; }).write("goes on\x1b[2J");
  EXPECT_EQ(text_of(path),
            "1970-01-01 00:00:00Z epoch 1/3: loss 0.5\n"
            "1970-01-01 00:00:00Z saved\n"
            "2025-11-29 06:00:00Z goes on\\x1b[2J\n");
}

TEST(MetricsCsv, HasARowWhenTheCallReturns) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  auto csv = MetricsCsv::begin(path, "epoch", {"loss", "accuracy"});
  EXPECT_EQ(text_of(path), "epoch,loss,accuracy\n");
  csv.append(1, {{"accuracy", 0.1}, {"loss", 1.0 / 3}});
  csv.append(2, {{"loss", 1e-300}});
  EXPECT_EQ(text_of(path), "epoch,loss,accuracy\n1,0.3333333333333333,0.1\n2,1e-300,\n");
}

TEST(MetricsCsv, WritesWhatIsNoNumberAsReadersKnowIt) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  auto csv = MetricsCsv::begin(path, "step", {"a", "b", "c"});
  csv.append(0, {{"a", std::nan("")},
                 {"b", std::numeric_limits<double>::infinity()},
                 {"c", -std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(text_of(path), "step,a,b,c\n0,nan,inf,-inf\n");
}

TEST(MetricsCsv, QuotesColumnsThatWouldBeSeveral) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  MetricsCsv::begin(path, "step", {"coat, long", "12\" disc"}).append(1, {{"coat, long", 1}});
  EXPECT_EQ(text_of(path), "step,\"coat, long\",\"12\"\" disc\"\n1,1,\n");
  MetricsCsv::resume(path, "step", {"coat, long", "12\" disc"}, 0);
  EXPECT_EQ(text_of(path), "step,\"coat, long\",\"12\"\" disc\"\n");
}

TEST(MetricsCsv, GoesOnBehindTheStateThatTheRunGoesOnFrom) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  {
    auto csv = MetricsCsv::begin(path, "step", {"loss"});
    for (int64_t step : {10, 20, 30}) csv.append(step, {{"loss", 1}});
  }
  std::ofstream(path, std::ios::app) << "20,0.1";  // A write that a kill cut off.
  MetricsCsv::resume(path, "step", {"loss"}, 20).append(30, {{"loss", 2}});
  EXPECT_EQ(text_of(path), "step,loss\n10,1\n20,1\n30,2\n");
}

TEST(MetricsCsv, BeginsWhereThereIsNothingToGoOnWith) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  MetricsCsv::resume(path, "step", {"loss"}, 20).append(21, {{"loss", 2}});
  EXPECT_EQ(text_of(path), "step,loss\n21,2\n");
}

TEST(MetricsCsv, RefusesOtherColumnsAndSaysWhatToDo) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  auto csv = MetricsCsv::begin(path, "step", {"loss"});
  EXPECT_THAT(error_of<std::invalid_argument>([&] { csv.append(1, {{"los", 1}}); }),
              AllOf(HasSubstr("'los' is no column of '"), HasSubstr("declare it where the file is begun")));
  EXPECT_THAT(
      error_of<std::runtime_error>([&] { MetricsCsv::resume(path, "step", {"accuracy"}, 1); }),
      AllOf(HasSubstr("'step,loss' and not 'step,accuracy'"), HasSubstr("the configuration that the run began")));
  EXPECT_THAT(error_of<std::invalid_argument>([&] { MetricsCsv::begin(path, "step", {"loss", "loss"}); }),
              HasSubstr("two columns 'loss'"));
  EXPECT_EQ(text_of(path), "step,loss\n") << "an error changes nothing";
}

// A child is killed while it writes; whatever was said to be there is.
TEST(MetricsCsv, OfAKilledRunHasItsRowsAndGoesOn) {
  const test::Directory folder;
  const std::string path = folder.path() + "/metrics.csv";
  int written[2];
  ASSERT_EQ(::pipe(written), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto csv = MetricsCsv::begin(path, "step", {"loss"});
    for (int64_t step = 0;; ++step) {
      csv.append(step, {{"loss", 0.5}});
      if (::write(written[1], &step, sizeof step) < 0) ::_exit(1);
    }
  }
  ::close(written[1]);
  int64_t last = -1;
  while (last < 500) ASSERT_EQ(::read(written[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(written[0]);
  MetricsCsv::resume(path, "step", {"loss"}, last);
  std::string expected = "step,loss\n";
  for (int64_t step = 0; step <= last; ++step) expected += std::to_string(step) + ",0.5\n";
  EXPECT_EQ(text_of(path), expected);
}

}  // namespace
}  // namespace millrace::records_test
