// The command lines that the pages print of other programs than `millrace`: those of a program with types of its own,
// and of gdb where there is one, which no test needs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/docs/page_lines.h"
#include "millrace/tests/support/console.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::other_command_lines_test {
namespace {

// A batch debugger in place of one that asks; a short measurement.
const std::vector<std::pair<std::string, std::string>> kStandIns = {
    {"own_types ", "example_own_types "},
    {"example_own_types bench own_types.yaml",
     "example_own_types bench own_types.yaml --warmup 0 --repeats 1 --window 0.05"},
    {"gdb --args", "gdb -nx -batch -ex run --args"},
    {"millrace-run bench", "millrace-run bench --warmup 0 --repeats 1"},
    {"gdb -p PID", "gdb -nx -batch -ex backtrace -p $worker"},
};

// A worker that reads for ever, whose number is $worker in the line that follows, and its end.
constexpr const char* kWithWorker = R"sh(
example_own_types train own_types.yaml epochs=1000000 "output=''" >/dev/null 2>&1 &
trainer=$!
trap 'kill -9 $trainer' EXIT
find_worker() {
  for server in $(cat /proc/$trainer/task/*/children); do
    for worker in $(cat /proc/$server/task/*/children); do
      [ "$(cat /proc/$worker/comm)" = 'worker 0' ] && return
    done
  done
  return 1
}
until find_worker 2>/dev/null; do
  kill -0 $trainer || exit 1
  sleep 0.1
done
)sh";

class OtherCommandLines : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(test::source("apps/examples/own_types.yaml"), folder_.path());
    folder_.write("photos.yaml", "dataset: {type: image_folder, root: " + test::data("photos") +
                                     "}\ntransforms: [resize: {size: [8, 8]}]\n");
  }

  test::Ended run(const std::string& line) const {
    constexpr int kSeconds = 200;  // gdb reads LibTorch's symbols for many where others compute.
    return test::run_in(folder_.path(), "PATH='" + test::built("apps") + "':$PATH; " + line, kSeconds);
  }

  // That each line of the program does what it is printed for.
  void expect_printed(const std::map<std::string, std::string>& lines, const std::string& program) const {
    auto expected = test::expected_output(program);
    for (const auto& [line, where] : lines) {
      const std::string whole = with_stand_ins(line);
      const bool asks_worker = whole.find("$worker") != whole.npos;
      const auto result = run((asks_worker ? kWithWorker : "") + ("{ " + whole + "; } 2>&1"));
      const std::string printed = where + ": " + whole + " printed:\n" + result.out;
      EXPECT_EQ(result.exit_code, 0) << printed;
      test::expect_block(expected, line, result.out, printed);
    }
    test::expect_no_block(expected);
  }

  static std::string with_stand_ins(std::string line) {
    for (const auto& [word, stand_in] : kStandIns)
      if (const size_t at = line.find(word); at != line.npos) line.replace(at, word.size(), stand_in);
    return line;
  }

 private:
  test::Directory folder_;
};

TEST_F(OtherCommandLines, OfAProgramWithTypesOfItsOwnDoWhatTheyArePrintedFor) {
  const auto lines = test::lines_of_pages("own_types");
  ASSERT_GE(lines.size(), 5u) << "docs/own_types.md has fewer command lines than it had";
  ASSERT_EQ(run("example_own_types train own_types.yaml").exit_code, 0);  // Which makes runs/own_types.
  expect_printed(lines, "own_types");
}

TEST_F(OtherCommandLines, OfTheDebuggerDoWhatTheyArePrintedFor) {
  auto lines = test::lines_of_pages("gdb");
  ASSERT_EQ(lines.erase("gdb --args program …"), 1u) << "which is no line but how one begins";
  ASSERT_GE(lines.size(), 2u) << "docs/debugging.md has fewer command lines than it had";
  if (run("command -v gdb").exit_code != 0) GTEST_SKIP() << "there is no gdb here";
  if (run("gdb -nx -batch -ex run --args true 2>&1 | grep -q 'exited normally'").exit_code != 0)
    GTEST_SKIP() << "gdb may not hold a process here";
  expect_printed(lines, "gdb");
}

}  // namespace
}  // namespace millrace::other_command_lines_test
