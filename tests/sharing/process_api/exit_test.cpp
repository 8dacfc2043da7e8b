// What a program's end means for its children: Python's multiprocessing.util._exit_function.
#include <gtest/gtest.h>

#include "millrace/sharing/process/context.h"
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
  test::Program program({MILLRACE_TEST_EXIT_PROGRAM, to_string(method), way});
  const auto daemon = std::stoi(program.line());
  EXPECT_EQ(program.line(), "main");
  EXPECT_EQ(program.line(), "child");
  EXPECT_EQ(program.wait().code(), 4);
  EXPECT_EQ(test::process_state(daemon), '\0');
}

}  // namespace
}  // namespace millrace::multiprocessing
