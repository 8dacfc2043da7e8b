// Options that say how many of something there are to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::counts_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kProgram = "'" + test::built("apps/millrace") + "' ";

// Each option whose value is a COUNT, behind its command, as the reference lists them: "| `--top COUNT` | ...".
std::vector<std::pair<std::string, std::string>> counts() {
  const test::Directory folder;
  std::vector<std::pair<std::string, std::string>> found;
  std::string command;
  for (const std::string& line : test::lines_of(test::run_in(folder.path(), kProgram + "reference markdown").out)) {
    const std::string heading = "## millrace ", option = "| `--", value = " COUNT`";
    if (line.starts_with(heading)) command = line.substr(heading.size());
    const size_t end = line.find(value);
    if (line.starts_with(option) && end != line.npos) found.emplace_back(command, line.substr(3, end - 3));
  }
  return found;
}

TEST(Counts, AreOptionsOfSeveralCommands) {
  const auto all = counts();
  EXPECT_THAT(all, AllOf(Contains(Pair("pack", "--workers")), Contains(Pair("predict", "--top")),
                         Contains(Pair("bench", "--files")), Contains(Pair("show", "--samples"))));
}

TEST(Counts, OutOfRangeAreRefusedByOptionAndRange) {
  const test::Directory folder;
  for (const auto& [command, option] : counts())
    for (const char* wrong : {"0", "-1", "99999999999999999999", "x"}) {
      const auto ended = test::run_in(folder.path(), kProgram + command + " one two " + option + " " + wrong);
      SCOPED_TRACE(command + " " + option + " " + wrong);
      EXPECT_EQ(ended.exit_code, 2);
      EXPECT_THAT(ended.err, ContainsRegex(option + ": expected a number that is whole, from 1 to [0-9]+, found '"));
      EXPECT_THAT(ended.err, HasSubstr("found '" + std::string(wrong) + "'"));
    }
}

}  // namespace
}  // namespace millrace::counts_test
