// docs/getting_started.md: each of its commands is run as it stands, and what it prints is what the page says, numbers
// aside.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/tests/support/console.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/figure.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::getting_started_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool has_line(const std::string& text, const std::string& wanted) {
  const auto lines = lines_of(text);
  return std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return test::is_line(line, wanted); });
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// A folder of photos, and the program as a shell finds it.
class GettingStarted : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(folder() / "photos");
    fs::create_directory(folder() / "new");
    int copied = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / "hat"))
      if (copied++ < 3) fs::copy(entry.path(), folder() / "new" / (std::to_string(copied) + ".jpg"));
    for (int i = 0; i < 6; ++i) {
      const std::string name = std::to_string(i) + ".pgm", head = "P2\n16 16\n255\n";
      folder_.write("scans/images/" + name, head + repeated("7 9 ", 128));
      folder_.write("scans/masks/" + name, head + repeated("0 255 ", 128));
    }
    for (const char* name : {"dress", "hat", "shoes"})
      fs::copy(fs::path(test::data("photos")) / name, folder() / "photos" / name, fs::copy_options::recursive);
  }

  fs::path folder() const { return folder_.path(); }

  // Runs a command in the folder; its exit code, or minus the signal. What it prints is in the file `out` there.
  int run(const test::ConsoleStep& step) const {
    const pid_t child = start(step.command);
    const test::Watchdog watchdog(step.command.c_str(), std::chrono::seconds(120));
    if (!step.interrupted_behind.empty()) {
      while (!has_line(out(), step.interrupted_behind)) std::this_thread::yield();
      ::kill(child, SIGINT);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::string out() const { return text_of(folder() / "out"); }

  test::Directory folder_;

 private:
  pid_t start(const std::string& command) const {
    const OwnedFd out(::open((folder() / "out").c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
    const std::string line = "PATH='" + test::built("apps") + "':$PATH; exec " + command;
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (::chdir(folder().c_str()) != 0 || ::dup2(out.get(), 1) < 0 || ::dup2(out.get(), 2) < 0) ::_exit(126);
    ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    ::_exit(127);
  }
};

TEST_F(GettingStarted, TakesTheCommandsOfItsPageWhichPrintWhatItSays) {
  constexpr int kDone = 0, kStopped = 3;
  const auto steps = test::console_steps(text_of(test::source("docs/getting_started.md")));
  ASSERT_GE(steps.size(), 5U);
  EXPECT_LE(steps.size(), 8U);
  // What a person installs, the tests have built already; tests/consumer installs it.
  EXPECT_THAT(steps.front().command, HasSubstr("make install"));
  int stops = 0;
  for (const auto& step : std::vector<test::ConsoleStep>(steps.begin() + 1, steps.end())) {
    const bool is_stopped = !step.interrupted_behind.empty();
    stops += is_stopped ? 1 : 0;
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(run(step), is_stopped ? kStopped : kDone) << step.command << "\n" << out();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    test::record_figure("seconds of " + step.command, seconds.count());
    EXPECT_EQ(test::difference(step, out()), "") << step.command << " printed:\n" << out();
  }
  EXPECT_EQ(stops, 1);
  EXPECT_EQ(lines_of(text_of(folder() / "predictions.csv")).size(), 1U + 3U);
}

// A .npy file of bytes, as NumPy writes them.
std::string npy(const std::string& shape, size_t bytes) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + std::string(bytes, '\x01');
}

TEST_F(GettingStarted, TrainTakesWhatInitWritesForEachKindOfData) {
  folder_.write("arrays/x.npy", npy("10, 1, 16, 16", 10 * 256));
  folder_.write("arrays/y.npy", npy("10,", 10));
  folder_.write("vectors/train_x.npy", npy("10, 6", 60));
  folder_.write("vectors/train_y.npy", npy("10,", 10));
  folder_.write("vectors/test_x.npy", npy("4, 6", 24));
  folder_.write("vectors/test_y.npy", npy("4,", 4));
  folder_.copy("npy/parts.npz", "parts/all.npz");
  for (const char* batch :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    folder_.write(std::string("cifar/") + batch + ".bin", "\x01" + std::string(3072, 'x'));
  folder_.write("cifar/batches.meta.txt", "cat\ndog\n");
  std::string masks, ages = "path,age\n";
  for (const std::string number : {"1", "2", "3", "4", "5", "6"}) {
    folder_.copy("formats/rgb.png", "pairs/input/" + number + ".png");
    folder_.copy("formats/rgb.png", "pairs/target/" + number + ".png");
    folder_.copy("formats/rgb.png", "masks/images/" + number + ".png");
    folder_.copy("manifests/mask.png", "masks/masks/" + number + ".png");
    folder_.copy("formats/rgb.png", "ages/" + number + ".png");
    folder_.copy("formats/rgb.png", "broken/a/" + number + ".png");
    folder_.copy("formats/rgb.png", "broken/b/" + number + ".png");
    masks += "images/" + number + ".png masks/" + number + ".png\n";
    ages += number + ".png,1.5\n";
    folder_.write("painted/Train/images/" + number + ".pgm", "P2\n16 16\n255\n" + repeated("7 9 ", 128));
    folder_.write("painted/Train/masks/" + number + ".pgm", "P2\n16 16\n255\n" + repeated("0 255 ", 128));
    folder_.write("painted/Valid/images/" + number + ".pgm", "P2\n16 16\n255\n" + repeated("7 9 ", 128));
    folder_.write("painted/Valid/masks/" + number + ".pgm", "P2\n16 16\n255\n" + repeated("255 0 ", 128));
  }
  folder_.write("masks/train.txt", masks);
  folder_.write("ages/train.csv", ages);
  folder_.write("broken/a/0.png", "no picture");
  for (const std::string kind :
       {"arrays", "vectors", "parts", "cifar", "pairs", "masks", "painted", "ages", "broken"}) {
    EXPECT_EQ(run({"millrace init " + kind, {}}), 0) << kind << ": " << out();
    EXPECT_EQ(run({"millrace train " + kind + ".yaml --validate", {}}), 0) << kind << ": " << out();
    EXPECT_EQ(run({"millrace train " + kind + ".yaml epochs=1 device=cpu", {}}), 0) << kind << ": " << out();
  }
}

TEST_F(GettingStarted, InitOverwritesNothing) {
  ASSERT_EQ(run({"millrace init photos", {}}), 0) << out();
  const std::string written = text_of(folder() / "photos.yaml");
  EXPECT_EQ(run({"millrace init photos/dress/.. --output photos.yaml", {}}), 1);
  EXPECT_THAT(out(), HasSubstr("millrace: 'photos.yaml' is there already: remove it, or give another name"));
  EXPECT_EQ(text_of(folder() / "photos.yaml"), written);
}

TEST_F(GettingStarted, InitWritesNothingWhereThereIsNothingToTrainOn) {
  fs::create_directory(folder() / "empty");
  EXPECT_EQ(run({"millrace init empty", {}}), 1);
  EXPECT_THAT(out(), HasSubstr("millrace: 'empty' has 0 folders and 0 files, which is none of what is known: "));
  EXPECT_FALSE(fs::exists(folder() / "empty.yaml"));
  EXPECT_EQ(run({"millrace init photos --output missing/photos.yaml", {}}), 1);
  EXPECT_THAT(
      out(),
      HasSubstr("cannot write 'missing/photos.yaml': No such file or directory; make the folder 'missing' first"));
}

}  // namespace
}  // namespace millrace::getting_started_test
