// What a program's end means for its children: Python's multiprocessing.util._exit_function.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/process/process_end.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::multiprocessing {
namespace {

class ProgramExit : public testing::TestWithParam<std::tuple<StartMethod, const char*>> {};
INSTANTIATE_TEST_SUITE_P(, ProgramExit, testing::Combine(test::every_start_method(), testing::Values("return", "exit")),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) + "_" + std::get<1>(tested.param);
                         });

TEST_P(ProgramExit, WaitsForChildrenAndTerminatesDaemons) {
  const auto [method, way] = GetParam();
  test::Program program({test::built("tests/sharing_exit_program"), to_string(method), way});
  const auto daemon = std::stoi(program.line());
  EXPECT_EQ(program.line(), "main");
  EXPECT_EQ(program.line(), "child");
  EXPECT_EQ(program.wait().code(), 4);
  EXPECT_EQ(test::process_state(daemon), '\0');
}

void say_first() noexcept { std::puts("first"); }
void say_last() noexcept { std::puts("last"); }

void register_handlers(OwnedFd output, bool exits) {
  ::dup2(output.get(), STDOUT_FILENO);
  at_process_end(&say_last);
  at_process_end(&say_first);
  at_process_end(&say_last);
  if (exits) std::exit(0);
}

class ProcessEnd : public testing::TestWithParam<std::tuple<StartMethod, bool>> {};
INSTANTIATE_TEST_SUITE_P(, ProcessEnd, testing::Combine(test::every_start_method(), testing::Bool()),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) +
                                  (std::get<1>(tested.param) ? "_exit" : "_return");
                         });

TEST_P(ProcessEnd, CallsEachHandlerOnceAndTheLatestFirst) {
  const auto [method, exits] = GetParam();
  const test::OutputFile output;
  Process process(method, register_handlers, OwnedFd(::dup(output.fd())), exits);
  process.start();
  ASSERT_TRUE(process.join(test::kLong));
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(output.text(), "first\nlast\n");
}

}  // namespace
}  // namespace millrace::multiprocessing
