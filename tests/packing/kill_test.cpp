// A packer that is killed at any moment, with its workers or one of them alone, and goes on: the shards are those of an
// undisturbed run, byte for byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/datasets/tar_damage.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::pack_kill_test {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// How many samples are packed: MILLRACE_TEST_SAMPLES, which the soak sets, or few.
int samples_wanted() {
  const char* given = std::getenv("MILLRACE_TEST_SAMPLES");
  return given != nullptr ? std::atoi(given) : 1000;
}

/// The processes that a process started.
std::vector<pid_t> children_of(pid_t parent) {
  const std::string task = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent);
  std::ifstream children(task + "/children");
  return {std::istream_iterator<pid_t>(children), {}};
}

/// Files that nobody takes for pictures, in three forms.
class PackKills : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::mt19937_64 random(7);
    std::ofstream list(folder() / "list.csv");
    TarShardWriter writer(folder() / "source-%d.tar", {.max_shard_samples = static_cast<uint64_t>(samples_) / 3});
    list << "path,label\n";
    for (int i = 0; i < samples_; ++i) {
      const std::string label = std::to_string(i % 10), key = label + "/" + std::to_string(i);
      std::string bytes(random() % 3000, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      if (GetParam() == std::string("tars"))
        writer.write(key, {{"jpg", std::as_bytes(std::span(bytes))}, {"cls", std::as_bytes(std::span(label))}});
      else
        directory_.write("photos/" + key + ".jpg", bytes);
      list << "photos/" << key << ".jpg," << label << "\n";
    }
    writer.close();
  }

  fs::path folder() const { return directory_.path(); }

  std::string source() const {
    if (GetParam() == std::string("tars")) return "source-{0..2}.tar::source-3.tar";
    return GetParam() == std::string("folder") ? "photos" : "list.csv";
  }

  /// The program, in the test's folder, its output in a file there.
  pid_t start(const std::string& out) const {
    const OwnedFd log(::open((folder() / "log").c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
    const pid_t child = ::fork();
    if (child != 0) return child;
    const std::string program = test::built("apps/millrace"), size = std::to_string(samples_ / 20), from = source();
    if (::chdir(folder().c_str()) != 0 || ::dup2(log.get(), STDOUT_FILENO) < 0 || ::dup2(log.get(), STDERR_FILENO) < 0)
      ::_exit(126);
    ::execl(program.c_str(), "millrace", "pack", from.c_str(), out.c_str(), "--workers", "2", "--shard-samples",
            size.c_str(), "--split", "train=0.8,test=0.2", nullptr);
    ::_exit(127);
  }

  /// The exit code, or minus the signal.
  static int end_of(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

  /// All that is in the folder of shards, save for the indexes, which have times.
  std::map<std::string, std::string> packed(const std::string& out) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder() / out))
      if (entry.path().extension() != ".index") files[entry.path().filename()] = text_of(entry.path());
    return files;
  }

  void expect_whole_shards_only(const std::string& out) const {
    if (!fs::exists(folder() / out)) return;
    for (const auto& entry : fs::directory_iterator(folder() / out))
      if (entry.path().extension() == ".tar") {
        EXPECT_THAT(find_tar_damage(entry.path()), IsEmpty());
      }
  }

  const int samples_ = samples_wanted();

 private:
  test::Directory directory_;
};
INSTANTIATE_TEST_SUITE_P(, PackKills, ::testing::Values("folder", "list", "tars"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(PackKills, AtAnyMomentLeaveTheShardsOfAnUndisturbedRun) {
  const test::Watchdog watchdog("millrace pack", std::chrono::seconds(samples_ > 1000 ? 3000 : 100));
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(end_of(start("whole")), 0) << text_of(folder() / "log");
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - began;
  const auto expected = packed("whole");
  ASSERT_EQ(expected.size(), 20U + (GetParam() == std::string("folder") ? 1 : 0)) << "shards, and the classes' names";

  auto random = test::seeded_generator();
  std::uniform_real_distribution<double> moment(0, whole.count());
  const int kills = test::kills_wanted(3);
  int runs = 0;
  for (int killed = 0; killed < kills;) {
    ++runs;
    const pid_t child = start("killed");
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    // Every third time a worker alone, where there is one by then: its shard is written again by another.
    const auto servers = children_of(child);
    const auto workers = servers.empty() ? servers : children_of(servers.front());
    if (runs % 3 == 0 && !workers.empty()) {
      ::kill(workers[random() % workers.size()], SIGKILL);
      ++killed;
    } else {
      ::kill(child, SIGKILL);
    }
    const int code = end_of(child);
    killed += code == -SIGKILL ? 1 : 0;
    expect_whole_shards_only("killed");
    if (code != 0) continue;
    EXPECT_EQ(packed("killed"), expected) << "behind " << killed << " kills";
    fs::remove_all(folder() / "killed");
  }
  ASSERT_EQ(end_of(start("killed")), 0) << text_of(folder() / "log");
  EXPECT_TRUE(packed("killed") == expected) << "behind " << kills << " kills";
}

}  // namespace
}  // namespace millrace::pack_kill_test
