// Runs of `millrace train` that are stopped, killed and go on: they end as if nothing had happened, bit for bit.
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/figure.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/seed.h"
#include "millrace/training/weights/weights.h"

namespace millrace::train_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

class Training : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"dress", "hat"}) {
      fs::create_directories(folder() / "photos" / name);
      int count = 0;
      for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / name))
        if (count++ < 6) fs::copy(entry.path(), folder() / "photos" / name / (std::to_string(count) + ".jpg"));
    }
    std::ofstream(folder() / "train.yaml") << "dataset: {type: image_folder, root: photos}\n"
                                              "transforms: [random_resized_crop: {size: 16}]\n"
                                              "loader: {batch_size: 2, num_workers: 1}\n"
                                              "test:\n"
                                              "  dataset: {type: image_folder, root: photos}\n"
                                              "  transforms: [resize: {size: [16, 16]}]\n"
                                              "model: {type: small_cnn, widths: [4, 8]}\n"
                                              "optimizer: adamw\n"
                                              "mix: {mixup: 0.2, cutmix: 1}\n"
                                              "ema: {decay: 0.9}\n"
                                              "gradients: {clip: 1, accumulate: 2}\n"
                                              "epochs: 4\n"
                                              "device: cpu\n";
  }

  fs::path folder() const { return folder_.path(); }

  // The program, in the test's folder, its output in a file there.
  pid_t start(const std::vector<std::string>& arguments, const std::string& out) const {
    const OwnedFd file(::open((folder() / out).c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
    return start_into(arguments, file.get());
  }

  // The same, its output into what is open as a descriptor.
  pid_t start_into(const std::vector<std::string>& arguments, int out) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    std::vector<char*> argv;
    std::string program = test::built("apps/millrace");
    argv.push_back(program.data());
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (::chdir(folder().c_str()) != 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  // The exit code, or minus the signal.
  static int end_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  // Until the program has told this in its output.
  void wait_until_told(const std::string& text, const std::string& out) const {
    const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
    while (text_of(folder() / out).find(text) == std::string::npos) std::this_thread::yield();
  }

  int run(const std::vector<std::string>& arguments) const {
    const int code = end_of(start(arguments, "out"));
    EXPECT_EQ(code, 0) << text_of(folder() / "out");
    return code;
  }

  // All that a run ended with, but for times, settings and the optimizer's state, whose bytes have addresses in them:
  // what it does to the weights is compared.
  std::map<std::string, at::Tensor> result(const std::string& directory) const {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : training::load_weights(folder() / directory / "last.pt"))
      if (name != "position" && name != "configuration" && name != "optimizer") tensors.emplace(name, tensor);
    return tensors;
  }

  // Epoch, losses and measures of each row of metrics.csv.
  std::vector<std::string> rows(const std::string& directory) const {
    std::istringstream table(text_of(folder() / directory / "metrics.csv"));
    std::vector<std::string> rows;
    for (std::string line; std::getline(table, line);)
      rows.push_back(line.substr(0, line.rfind(',', line.rfind(',') - 1)));  // Without rate and wait.
    return rows;
  }

  // Every checkpoint that has its name can be read to its end.
  void expect_no_half_checkpoint(const std::string& directory) const {
    if (!fs::exists(folder() / directory)) return;
    for (const auto& entry : fs::directory_iterator(folder() / directory)) {
      if (entry.path().extension() != ".pt") continue;
      EXPECT_NO_THROW(training::load_weights(entry.path())) << entry.path();
    }
  }

  void expect_same(const std::string& directory, const std::string& other) const {
    const auto first = result(directory), second = result(other);
    ASSERT_EQ(first.size(), second.size());
    for (const auto& [name, tensor] : first) EXPECT_TRUE(at::equal(tensor, second.at(name))) << name;
    EXPECT_EQ(rows(directory), rows(other));
  }

 private:
  test::Directory folder_;
};

// The numbers of each column of a run's metrics.csv, by its name.
std::map<std::string, std::vector<double>> columns_of(const fs::path& csv) {
  std::ifstream file(csv);
  std::map<std::string, std::vector<double>> columns;
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    size_t column = 0;
    const bool is_head = names.empty();
    for (std::string cell; std::getline(cells, cell, ','); ++column)
      if (is_head)
        names.push_back(cell);
      else
        columns[names.at(column)].push_back(std::stod(cell));
  }
  return columns;
}

TEST_F(Training, TensorBoardFindsTheNumbersOfTheTable) {
  run({"train", "train.yaml", "output=runs", "epochs=3"});
  const auto [status, text] =
      test::detail::output_of("'" + test::python() + "' '" + test::source("tests/records/read_events.py") + "' '" +
                              (folder() / "runs/train").string() + "'");
  constexpr int kNoTensorBoard = 3, kNoPython = 127;
  if (WIFEXITED(status) && (WEXITSTATUS(status) == kNoTensorBoard || WEXITSTATUS(status) == kNoPython))
    GTEST_SKIP() << "no TensorBoard: set MILLRACE_PYTHON to what scripts/setup_live prints";
  ASSERT_EQ(status, 0) << text;
  EXPECT_THAT(text, testing::ContainsRegex("image first_batch 0:[0-9]+x[0-9]+:[0-9]+ bytes"));
  std::map<std::string, std::vector<double>> scalars;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, tag;
    words >> kind >> tag;
    if (kind != "scalar") continue;
    for (std::string value; words >> value;) scalars[tag].push_back(std::stod(value.substr(value.find(':') + 1)));
  }
  auto columns = columns_of(folder() / "runs/train/metrics.csv");
  columns.erase("epoch");
  ASSERT_FALSE(columns.empty());
  for (const auto& [name, values] : columns) {
    ASSERT_EQ(scalars[name].size(), values.size()) << name;
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(scalars[name][i], values[i], 1e-4 * std::abs(values[i]) + 1e-9) << name << ", epoch " << i + 1;
  }
}

// What a run tells that stops, or goes on, in the middle of an epoch's batches.
const std::regex kWithinAnEpoch("in epoch [0-9]+ behind batch [1-9]");

TEST_F(Training, StopsOnCtrlCAndGoesOnAsIfNothingHadHappened) {
  run({"train", "train.yaml", "output=whole", "epochs=60"});
  EXPECT_THAT(rows("whole/train"), SizeIs(1 + 60));
  constexpr int kMostTries = 40;  // The request may come in a test, or between two epochs.
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string cause = signal == SIGINT ? "Ctrl-C" : "SIGTERM";
    std::string told;
    for (int tries = 0; !std::regex_search(told, kWithinAnEpoch); ++tries) {
      ASSERT_LT(tries, kMostTries) << told;
      fs::remove_all(folder() / "stopped");
      const pid_t child = start({"train", "train.yaml", "output=stopped", "epochs=60"}, "out");
      wait_until_told("epoch 1/60", "out");
      ::kill(child, signal);
      const int code = end_of(child);
      told = text_of(folder() / "out");
      ASSERT_EQ(code, 3) << told;
      EXPECT_THAT(told, HasSubstr("go on with: millrace train --resume stopped/train"));
    }
    EXPECT_THAT(text_of(folder() / "stopped/train/log.txt"), HasSubstr("Z stopped by " + cause + " in epoch "));
    run({"train", "--resume", "stopped/train"});
    EXPECT_TRUE(std::regex_search(text_of(folder() / "out"), kWithinAnEpoch));
    expect_same("whole/train", "stopped/train");
  }
}

// What dropout leaves out is drawn from torch's own generator.
TEST_F(Training, GoesOnWithTheDrawsOfDropout) {
  const std::string model = "model={type: vit_tiny, patch_size: 8, dropout: 0.1}";
  run({"train", "train.yaml", "output=whole", "epochs=12", model});
  const pid_t child = start({"train", "train.yaml", "output=stopped", "epochs=12", model}, "out");
  const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
  while (text_of(folder() / "out").find("epoch 1/12") == std::string::npos) std::this_thread::yield();
  ::kill(child, SIGINT);
  ASSERT_EQ(end_of(child), 3) << text_of(folder() / "out");
  run({"train", "--resume", "stopped/train"});
  expect_same("whole/train", "stopped/train");
}

// The test split of 3,000 pictures takes long enough for a request to come in its middle; the last step's checkpoint
// says that it begins.
TEST_F(Training, StopsInTheMiddleOfATestAndGoesOnAsIfNothingHadHappened) {
  for (int i = 0; i < 3000; ++i) {
    const fs::path name = folder() / "many" / (i % 2 == 0 ? "dress" : "hat") / (std::to_string(i) + ".ppm");
    fs::create_directories(name.parent_path());
    std::ofstream(name) << "P6 16 16 255\n" << std::string(16 * 16 * 3, static_cast<char>('a' + i % 26));
  }
  const std::vector<std::string> whole{
      "train",    "train.yaml",   "test.dataset.root=many",   "+test.loader={batch_size: 1}",
      "epochs=2", "output=whole", "checkpoints.every_steps=3"};
  run(whole);
  std::vector<std::string> stopped = whole;
  stopped[5] = "output=stopped";
  constexpr int kMostTries = 40;  // The request may come just before the test begins.
  std::string told;
  for (int tries = 0; told.find("stopped by Ctrl-C in the test of epoch 1; go on with: ") == std::string::npos;
       ++tries) {
    ASSERT_LT(tries, kMostTries) << told;
    fs::remove_all(folder() / "stopped");
    const pid_t child = start(stopped, "out");
    const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
    while (!fs::exists(folder() / "stopped/train/last.pt")) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * tries));  // What the disk takes for it is not known.
    ::kill(child, SIGINT);
    ASSERT_EQ(end_of(child), 3);
    told = text_of(folder() / "out");
  }
  run({"train", "--resume", "stopped/train"});
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("going on in the test of epoch 1\n"));
  expect_same("whole/train", "stopped/train");
}

// Thirty kills. Every other one is at a moment of a whole run's time, which may be before it trains; the others are
// while it trains and has a checkpoint, however long it took to get there, so that some go on in the middle of an
// epoch. `make soak` repeats it, each time with another seed.
TEST_F(Training, GoesOnAfterItWasKilledAtAnyMoment) {
  using Seconds = std::chrono::duration<double>;
  const std::string trains = " samples in 2 classes, ";
  const std::vector<std::string> whole{"train", "train.yaml", "output=whole", "checkpoints.every_steps=1",
                                       "loader.batch_size=1"};
  const auto began = std::chrono::steady_clock::now();
  const pid_t first = start(whole, "out");
  wait_until_told(trains, "out");
  const Seconds beginning = std::chrono::steady_clock::now() - began;
  ASSERT_EQ(end_of(first), 0) << text_of(folder() / "out");
  const Seconds all = std::chrono::steady_clock::now() - began;
  std::vector<std::string> anew = whole;
  anew[2] = "output=killed";
  std::mt19937_64 random(test::test_seed());
  std::uniform_real_distribution<double> share(0, 1);
  constexpr int kKills = 30, kMostKills = 90, kLeastWithinAnEpoch = 5;  // More kills where chance gives few of those.
  int within_an_epoch = 0;
  for (int kills = 0; kills < kKills || (within_an_epoch < kLeastWithinAnEpoch && kills < kMostKills);) {
    const bool can_go_on = fs::exists(folder() / "killed/train/config.yaml");
    if (!can_go_on) fs::remove_all(folder() / "killed");
    const pid_t child = start(can_go_on ? std::vector<std::string>{"train", "--resume", "killed/train"} : anew, "out");
    if (kills % 2 == 0) {
      std::this_thread::sleep_for(all * share(random));
    } else {
      wait_until_told(trains, "out");
      const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
      while (!fs::exists(folder() / "killed/train/last.pt")) std::this_thread::yield();
      std::this_thread::sleep_for((all - beginning) * share(random) / 4);
    }
    ::kill(child, SIGKILL);
    const int code = end_of(child);
    within_an_epoch += std::regex_search(text_of(folder() / "out"), kWithinAnEpoch) ? 1 : 0;
    expect_no_half_checkpoint("killed/train");
    if (code == -SIGKILL) {
      ++kills;
      continue;
    }
    ASSERT_EQ(code, 0) << "behind kill " << kills << ": " << text_of(folder() / "out");
    expect_same("whole/train", "killed/train");
    fs::remove_all(folder() / "killed");
  }
  test::record_figure("runs that went on in the middle of an epoch", within_an_epoch);
  EXPECT_GE(within_an_epoch, kLeastWithinAnEpoch) << "runs that went on in the middle of an epoch";
  if (!fs::exists(folder() / "killed/train/config.yaml")) return;
  run({"train", "--resume", "killed/train"});
  expect_same("whole/train", "killed/train");
}

TEST_F(Training, KeepsOneOfSoManyEpochsForGood) {
  run({"train", "train.yaml", "output=kept", "checkpoints.keep_every_epochs=2"});
  for (const char* epoch : {"1", "2", "3", "4"})
    EXPECT_EQ(fs::exists(folder() / "kept/train" / ("epoch_" + std::string(epoch) + ".pt")), *epoch % 2 == 0) << epoch;
}

TEST_F(Training, GoesOnAfterItWasKilledBeforeItsFirstCheckpoint) {
  run({"train", "train.yaml", "output=whole"});
  const pid_t child = start({"train", "train.yaml", "output=killed", "checkpoints.every_epochs=0"}, "out");
  const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
  while (text_of(folder() / "out").find("epoch 1/4") == std::string::npos) std::this_thread::yield();
  ::kill(child, SIGKILL);
  EXPECT_EQ(end_of(child), -SIGKILL);
  ASSERT_FALSE(fs::exists(folder() / "killed/train/last.pt"));
  fs::remove(folder() / "killed/train/best.pt");  // With it the run does not begin anew.
  run({"train", "--resume", "killed/train"});
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("there is no checkpoint yet: the run begins anew\n"));
  expect_same("whole/train", "killed/train");
}

// The processes that a process started.
std::vector<pid_t> children_of(pid_t parent) {
  const std::string task = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent);
  std::ifstream children(task + "/children");
  return {std::istream_iterator<pid_t>(children), {}};
}

TEST_F(Training, TellsOfAWorkerThatDiedAtOnceAndSumsItUpAtTheEnd) {
  const pid_t child = start({"train", "train.yaml", "epochs=60"}, "out");
  const test::Watchdog watchdog("millrace train", std::chrono::seconds(60));
  while (text_of(folder() / "out").find("epoch 1/60") == std::string::npos) std::this_thread::yield();
  const auto servers = children_of(child);
  ASSERT_THAT(servers, SizeIs(1));
  const auto workers = children_of(servers.front());
  ASSERT_THAT(workers, SizeIs(1));
  ::kill(workers.front(), SIGKILL);
  ASSERT_EQ(end_of(child), 0) << text_of(folder() / "out");
  const std::string at_once = "and another takes its place", at_the_end = "while training, 1 worker process died";
  for (const char* told : {"out", "runs/train/log.txt"}) {
    const std::string text = text_of(folder() / told);
    EXPECT_THAT(text, HasSubstr("millrace: warning: loader: worker ")) << told;
    EXPECT_LT(text.find(at_once), text.find("epoch 60/60")) << told;
    EXPECT_THAT(text, HasSubstr(at_the_end)) << told;
  }
}

TEST_F(Training, TellsOfSamplesThatWereLeftOutAndSumsThemUpAtTheEnd) {
  std::ofstream(folder() / "photos/hat/9.jpg") << "no picture";
  run({"train", "train.yaml", "epochs=2", "loader.on_error=skip", "+test.loader={on_error: skip}"});
  for (const char* told : {"out", "runs/train/log.txt"}) {
    const std::string text = text_of(folder() / told);
    EXPECT_THAT(text, HasSubstr("millrace: warning: loader: a sample could not be read and was left out")) << told;
    EXPECT_THAT(text, HasSubstr("with loader.on_error: raise each is an error")) << told;
    EXPECT_THAT(text, Not(HasSubstr("std::runtime_error"))) << told;
    EXPECT_THAT(text, Not(HasSubstr("samples of epoch "))) << told << ": the epoch's own line says it";
    EXPECT_THAT(text, HasSubstr("while training, 2 samples could not be read: 2 left out, the last for: ")) << told;
    EXPECT_THAT(text, HasSubstr("while testing, 2 samples could not be read: 2 left out")) << told;
  }
}

// What is told in 30 epochs would fit the buffer of a pipe's stdout, and would be seen when the program ends.
TEST_F(Training, ShowsEachLineAtOnceInAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const OwnedFd out(ends[0]);
  const pid_t child = start_into({"train", "train.yaml", "epochs=30"}, ends[1]);
  ::close(ends[1]);
  std::string told;
  char letter = 0;
  while (told.find("epoch 1/30") == std::string::npos && ::read(out.get(), &letter, 1) == 1) told += letter;
  ::kill(child, SIGKILL);
  EXPECT_EQ(end_of(child), -SIGKILL) << told;
}

TEST_F(Training, OfTheConfigurationThatARunKeptGivesTheSame) {
  run({"train", "train.yaml", "epochs=2"});
  const std::string kept = text_of(folder() / "runs/train/config.yaml");
  EXPECT_THAT(kept, HasSubstr("\n  batch_size: 2  # train.yaml:3:22\n"));
  EXPECT_THAT(kept, HasSubstr("\n  prefetch: 2  # default\n")) << "a key that nobody said";
  EXPECT_THAT(kept, HasSubstr("\nepochs: 2  # command line 'epochs=2'\n"));
  EXPECT_EQ(kept.back(), '\n');
  run({"train", "runs/train/config.yaml", "output=again"});
  expect_same("runs/train", "again/config");
}

TEST_F(Training, ThatAnErrorEndsTellsItInItsLog) {
  std::ofstream(folder() / "photos/hat/9.jpg") << "no picture";
  EXPECT_EQ(end_of(start({"train", "train.yaml"}, "out")), 1);
  ASSERT_THAT(text_of(folder() / "out"), HasSubstr("9.jpg"));
  const std::string log = text_of(folder() / "runs/train/log.txt");
  EXPECT_THAT(log, HasSubstr("Z ended by an error: "));
  EXPECT_THAT(log, HasSubstr("9.jpg"));
}

TEST_F(Training, ThatDivergesEndsAndKeepsTheCheckpointOfTheTimeBefore) {
  const int code = end_of(start(
      {"train", "train.yaml", "optimizer={type: sgd, lr: 1e25}", "~gradients", "~ema", "checkpoints.every_steps=1"},
      "out"));
  EXPECT_EQ(code, 1) << text_of(folder() / "out");
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("training diverged: in epoch 1, step "));
  EXPECT_THAT(text_of(folder() / "runs/train/log.txt"), HasSubstr("Z ended by an error: training diverged: "));
  for (const auto& [name, tensor] : result("runs/train")) EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
  EXPECT_FALSE(fs::exists(folder() / "runs/train/best.pt"));
}

TEST_F(Training, OfAPathAloneTakesWhatIsSensible) {
  std::ofstream(folder() / "path.yaml") << "dataset: {type: image_folder, root: photos}\nepochs: 1\n";
  run({"train", "path.yaml"});
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("12 samples in 2 classes, image: Byte [3, 64, 64]"));
  const auto config = text_of(folder() / "runs/path/config.yaml");
  EXPECT_THAT(config, HasSubstr("type: small_cnn  # default"));
  EXPECT_TRUE(fs::exists(folder() / "runs/path/best.pt"));
}

// What stands between the page's first ```yaml and the end of that block.
std::string first_yaml(const std::string& page) {
  const std::string mark = "```yaml\n";
  const size_t begin = page.find(mark) + mark.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

TEST_F(Training, DoesWhatItsPageSays) {
  const std::string page = text_of(test::source("docs/training.md"));
  fs::create_directories(folder() / "all");
  fs::rename(folder() / "photos", folder() / "all/train");
  fs::copy(folder() / "all/train", folder() / "all/test", fs::copy_options::recursive);
  fs::rename(folder() / "all", folder() / "photos");
  std::ofstream(folder() / "photos.yaml") << first_yaml(page);
  const std::string mark = "| `millrace ";
  int commands = 0;
  for (size_t at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1), ++commands) {
    const size_t begin = at + mark.size();
    run(words_of(page.substr(begin, page.find('`', begin) - begin)));
  }
  EXPECT_EQ(commands, 9);
  EXPECT_THAT(rows("runs/photos"), SizeIs(1 + 6));
  for (const auto& entry : fs::directory_iterator(folder() / "runs/photos")) {
    const std::string name = entry.path().filename();
    EXPECT_THAT(page, HasSubstr("`" + name.substr(0, name.find("tfevents."))));
  }
}

TEST_F(Training, IsAskedAboutPicturesThatCanAndThatCannotBeRead) {
  run({"train", "train.yaml", "epochs=1"});
  run({"predict", "runs/train", "photos"});
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("predicted 12 samples by runs/train/best.pt: accuracy "));
  EXPECT_THAT(text_of(folder() / "predictions.csv"),
              StartsWith("path,prediction,probability,truth,error\nphotos/dress/1.jpg,"));

  std::ofstream(folder() / "photos/hat/broken.jpg") << "no picture";
  const std::vector<std::string> told{"predict", "runs/train", "photos", "--json", "--output", "told.csv"};
  EXPECT_EQ(end_of(start(told, "out")), 1);
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("\"failed\":1"));
  EXPECT_THAT(text_of(folder() / "told.csv"), HasSubstr("photos/hat/broken.jpg,,,,"));
  run({"predict", "runs/train", "photos", "loader.on_error=skip"});

  EXPECT_EQ(end_of(start({"predict", "runs/train/none.pt", "photos"}, "out")), 1);
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("none.pt"));
  EXPECT_EQ(end_of(start({"predict", "runs/train", "nowhere"}, "out")), 2);
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("no such directory"));
}

TEST_F(Training, PredictsIntoNoFileThatItReads) {
  run({"train", "train.yaml", "epochs=1"});
  std::ofstream(folder() / "list.txt") << "photos/hat/1.jpg\n";
  const auto refuses = [&](const std::string& input, const std::string& output, const std::string& what) {
    const std::string before = text_of(folder() / output);
    EXPECT_EQ(end_of(start({"predict", "runs/train", input, "--output", output}, "out")), 2);
    EXPECT_EQ(text_of(folder() / "out"), "millrace: --output: '" + output + "' is " + what + "; name another\n");
    EXPECT_EQ(text_of(folder() / output), before);
  };
  refuses("photos", "runs/train/best.pt", "the checkpoint itself");
  refuses("list.txt", "./list.txt", "a file that is asked about");
  refuses("photos/hat/1.jpg", "photos/hat/1.jpg", "a file that is asked about");
  refuses("photos", "photos/hat/1.jpg", "a file that is asked about");
  for (int time = 0; time < 2; ++time) run({"predict", "runs/train", "photos", "--output", "photos/rows.csv"});
}

TEST_F(Training, BeginsWithTheWeightsOfAnotherRun) {
  run({"train", "train.yaml", "epochs=1", "output=first"});
  run({"train", "train.yaml", "epochs=1", "output=second", "weights.from=first/train/best.pt",
       "optimizer={type: sgd, lr: 0}", "~ema", "~mix"});
  const auto first = result("first/train"), second = result("second/train");
  EXPECT_TRUE(at::equal(first.at("ema.features.0.weight"), second.at("model.features.0.weight")));
}

TEST_F(Training, KeepsNothingWhereThereIsNoOutput) {
  run({"train", "train.yaml", "output=''", "epochs=1"});
  EXPECT_FALSE(fs::exists(folder() / "runs"));
}

TEST_F(Training, EndsEarlyWhenItIsNoBetterForLong) {
  EXPECT_EQ(end_of(start({"train", "train.yaml", "early_stop.patience=2", "~test"}, "out")), 2);
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("early_stop.patience: looks at the results of the section test"));
  run({"train", "train.yaml", "epochs=50", "early_stop.patience=2", "optimizer={type: sgd, lr: 0}", "output=early"});
  EXPECT_LT(rows("early/train").size(), 12U);
  EXPECT_THAT(text_of(folder() / "early/train/log.txt"),
              HasSubstr(" for 2 epochs: early_stop.patience ends training\n"));
}

// A dark picture with a bright square somewhere, and its mask of 0 and 255, as two files of one name.
void write_square(const fs::path& part, int number) {
  constexpr int kSide = 16;
  std::mt19937 random(static_cast<uint32_t>(number));
  const auto draw = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
  const int left = draw(1, 8), top = draw(1, 8), side = draw(4, 7);
  std::string picture, mask;
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const bool inside = x >= left && x < left + side && y >= top && y < top + side;
      picture += static_cast<char>(draw(0, 80) + (inside ? 120 : 0));
      mask += static_cast<char>(inside ? 255 : 0);
    }
  const std::string name = std::to_string(number) + ".pgm", header = "P5 16 16 255\n";
  for (const char* kind : {"images", "masks"}) fs::create_directories(part / kind);
  std::ofstream(part / "images" / name, std::ios::binary) << header << picture;
  std::ofstream(part / "masks" / name, std::ios::binary) << header << mask;
}

TEST_F(Training, LearnsMasksOfPicturesThatItNeverSawByTheConfigurationOfInit) {
  for (int i = 0; i < 200; ++i) write_square(folder() / "squares" / (i < 160 ? "train" : "val"), i);
  run({"init", "squares"});
  run({"train", "squares.yaml", "epochs=6", "device=cpu", "model.widths=[8, 16]", "optimizer.lr=0.01"});
  std::istringstream table(text_of(folder() / "runs/squares/metrics.csv"));
  std::string line;
  std::getline(table, line);
  ASSERT_THAT(line, StartsWith("epoch,train_loss,test_mean_iou,"));
  double mean_iou = 0;
  while (std::getline(table, line)) mean_iou = std::stod(line.substr(line.find(',', line.find(',') + 1) + 1));
  EXPECT_GE(mean_iou, 0.8) << text_of(folder() / "runs/squares/metrics.csv");
}

TEST_F(Training, OfAnotherModelIsRefusedByItsWeights) {
  run({"train", "train.yaml", "output=first", "epochs=1"});
  const int code = end_of(start({"train", "--resume", "first/train", "model.widths=[4, 9]", "epochs=2"}, "out"));
  EXPECT_EQ(code, 2);
  EXPECT_THAT(text_of(folder() / "out"), HasSubstr("features.4.weight"));
}

}  // namespace
}  // namespace millrace::train_test
