// `millrace` itself, which loads no LibTorch, and what it hands on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/figure.h"
#include "millrace/tests/support/paths.h"
#include "millrace/version.h"

namespace millrace::front_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Answer {
  int exit_code = -1;
  std::string text;  // stdout and stderr.
};

// `before` are settings of environment variables.
Answer ask(const std::string& program, const std::string& arguments, const std::string& before) {
  const test::Directory folder;
  const std::string out = folder.path() + "/out";
  const std::string command = before + " '" + program + "' " + arguments + " </dev/null >'" + out + "' 2>&1";
  const int status = std::system(command.c_str());
  std::ostringstream text;
  text << std::ifstream(out, std::ios::binary).rdbuf();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
}

Answer ask(const std::string& arguments, const std::string& before = "") {
  return ask(test::built("apps/millrace"), arguments, before);
}

TEST(Front, LoadsTheSystemsLibrariesOnly) {
  // With this variable the dynamic loader lists the libraries that a program loads, and does not start it.
  const auto libraries = ask("--help", "LD_TRACE_LOADED_OBJECTS=1").text;
  EXPECT_THAT(libraries, HasSubstr("libc.so"));
  for (const char* name : {"torch", "c10", "opencv", "png", "archive"})
    EXPECT_THAT(libraries, Not(HasSubstr("lib" + std::string(name))));  // Addresses may look like c10.
  EXPECT_LE(std::count(libraries.begin(), libraries.end(), '\n'), 10) << libraries;
}

// Of the processes that this one waited for.
double processor_seconds_of_children() {
  struct rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// How long an answer takes is compared with nothing: what would make it long are libraries, as above.
TEST(Front, AnswersTheSameEachTime) {
  constexpr size_t kTimes = 5;
  std::vector<double> seconds;
  const std::string first = ask("help config").text;
  for (size_t i = 0; i < kTimes; ++i) {
    const double before = processor_seconds_of_children();
    EXPECT_EQ(ask("help config").text, first);
    seconds.push_back(processor_seconds_of_children() - before);
  }
  std::ranges::nth_element(seconds, seconds.begin() + kTimes / 2);
  test::record_figure("processor seconds of millrace help config", seconds[kTimes / 2]);
}

// Calls function(command) for the name of each command in the list of `millrace --help`.
template <class Function>
void for_each_listed_command(Function&& function) {
  std::istringstream lines(ask("--help").text);
  std::string line;
  while (std::getline(lines, line) && line != "Subcommands:") continue;
  int found = 0;
  for (; std::getline(lines, line) && line.starts_with("  "); ++found) function(line.substr(2, line.find(' ', 2) - 2));
  EXPECT_GE(found, 4);
}

TEST(Front, HelpOfEachCommandHasExamplesAndExitCodes) {
  for_each_listed_command([](const std::string& command) {
    const auto help = ask(command + " --help");
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.text, HasSubstr("\nExamples:\n  millrace " + command));
    EXPECT_THAT(help.text, HasSubstr("\nExit codes:\n  0  "));
  });
}

TEST(Front, SaysItsVersion) {
  const auto answer = ask("--version");
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_THAT(answer.text, StartsWith("millrace " MILLRACE_VERSION ", for LibTorch 2."));
}

TEST(Front, VersionsNumbersAreThoseOfItsText) {
  EXPECT_EQ(MILLRACE_VERSION, std::to_string(MILLRACE_VERSION_MAJOR) + "." + std::to_string(MILLRACE_VERSION_MINOR) +
                                  "." + std::to_string(MILLRACE_VERSION_PATCH));
}

TEST(Front, QuickDoctorLoadsNoDriver) {
  // A driver that crashes whoever loads it.
  const auto answer = ask("doctor --quick", "MILLRACE_CUDA_DRIVER=" + test::built("tests/libfake_cuda_crashing.so"));
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_THAT(answer.text, HasSubstr("kernel"));
  EXPECT_THAT(answer.text, HasSubstr("open files"));
  EXPECT_THAT(answer.text, Not(HasSubstr("LibTorch")));
}

TEST(Front, HelpListsWhatAConfigurationMaySay) {
  const auto all = ask("help config");
  EXPECT_EQ(all.exit_code, 0) << all.text;
  for (const char* name : {"\ndataset: ", "image_folder", "tar_shards", "\ncollate: ", "batch_size", "random_erasing"})
    EXPECT_THAT(all.text, HasSubstr(name));
  EXPECT_THAT(ask("help config sampler").text, HasSubstr("\nbucket_batch (BucketBatchSampler): "));
  EXPECT_THAT(ask("help config transforms.resize").text, StartsWith("resize (transforms::Resize): "));
  EXPECT_THAT(ask("help config dataset.noise_jpegs").text, HasSubstr("entropy")) << "which only bench needs";
  const auto unknown = ask("help config loader.batchsize");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.text, HasSubstr("found 'batchsize', did you mean batch_size?"));
  EXPECT_EQ(ask("help").exit_code, 2);
  EXPECT_EQ(ask("help weather").exit_code, 2);
  EXPECT_THAT(ask("help train").text, HasSubstr("has one topic, config; for 'train' write millrace train --help"));
  EXPECT_THAT(ask("help loader.seed").text, HasSubstr("write millrace help config loader.seed"));
}

TEST(Front, NumbersOutOfTheirBoundsAreToldInAFewWords) {
  EXPECT_THAT(ask("predict x --top 0").text,
              HasSubstr("--top: expected a number that is whole, from 1 to 1000000000, found '0'; see millrace"));
  EXPECT_THAT(ask("bench x --warmup abc").text, HasSubstr("expected a number that is not negative, found 'abc'"));
  EXPECT_THAT(ask("bench x --window -1").text, HasSubstr("expected a number above 0, found '-1'"));
}

TEST(Front, WrongUsageIsToldBeforeTheWorkersProgramIsNeeded) {
  const test::Directory folder;
  // The program by itself, without the one that it executes.
  const std::string alone = folder.path() + "/millrace";
  const std::string copy = "cp '" + test::built("apps/millrace") + "' '" + alone + "'";
  ASSERT_EQ(std::system(copy.c_str()), 0);
  const auto run_alone = [&](const std::string& arguments) { return ask(alone, arguments, ""); };
  EXPECT_EQ(run_alone("bench --window 0 x.yaml").exit_code, 2);
  EXPECT_EQ(run_alone("--help").exit_code, 0);
  EXPECT_EQ(run_alone("help config").exit_code, 0);
  folder.write("wrong.yaml", "dataset: {type: mnist, rot: x}\nloader: {batchsize: 3}\n");
  const std::string wrong = folder.path() + "/wrong.yaml";
  const auto errors = run_alone("bench " + wrong);
  EXPECT_EQ(errors.exit_code, 2);
  EXPECT_EQ(errors.text, "millrace: " + wrong + ":1:24: dataset.rot: unknown key, did you mean root?\nmillrace: " +
                             wrong + ":2:10: loader.batchsize: unknown key, did you mean batch_size?\n" +
                             "millrace: 2 errors in the configuration\n");
  folder.write("right.yaml", "dataset: {type: mnist, root: x}\n");
  const std::string right = "bench " + folder.path() + "/right.yaml";
  EXPECT_THAT(run_alone(right + " --print-config").text, HasSubstr("root: x  # " + folder.path() + "/right.yaml:1:30"));
  const auto missing = run_alone(right);
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.text,
              StartsWith("millrace: the program that does the work is neither " + folder.path() + "/millrace-run"));
  EXPECT_THAT(missing.text, HasSubstr("install Millrace again"));
}

}  // namespace
}  // namespace millrace::front_test
