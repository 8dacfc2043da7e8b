// The worked case of docs/why_slow.md: each of its commands is run as it stands, and what it prints is what the page
// says, but for figures and for what they decide.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/os/processors.h"
#include "millrace/tests/support/console.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::why_slow_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::vector<test::ConsoleStep> steps_of_page() {
  std::ifstream page(test::source("docs/why_slow.md"));
  return test::console_steps({std::istreambuf_iterator<char>(page), {}});
}

// Lines without what follows from the figures: which setting of a sweep is the best, or is taken, and what holds up a
// loader with workers.
std::vector<std::string> without_verdicts(std::vector<std::string> lines) {
  const std::string named = "bottleneck: ";
  for (std::string& line : lines) {
    for (const std::string_view mark : {"  best", "  taken", "  within the noise"})
      if (line.ends_with(mark)) line.resize(line.size() - mark.size());
    for (const std::string_view verdict : {"The best: ", "No best: "})
      if (line.starts_with(verdict)) line = "The best: ";
  }
  const auto verdict = std::ranges::find_if(
      lines, [&](const auto& line) { return line.starts_with(named) && !line.starts_with(named + "no_workers: "); });
  if (verdict == lines.end()) return lines;
  lines.erase(verdict, lines.end());
  lines.push_back(named);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(WhySlow, ItsCaseIsNamedSweptAndCured) {
  if (processors().usable() < 2) GTEST_SKIP() << "one processor, which the trainer has";
  const test::Directory folder;
  fs::create_directory(folder.path() + "/photos");
  for (const char* name : {"dress", "hat", "shoes"})
    fs::copy(fs::path(test::data("photos")) / name, folder.path() + "/photos/" + name, fs::copy_options::recursive);
  const auto run = [&](const std::string& command) {
    return test::run_in(folder.path(), "PATH='" + test::built("apps") + "':$PATH; " + command + " 2>&1");
  };
  ASSERT_EQ(run("millrace init photos").exit_code, 0);
  const auto steps = steps_of_page();
  ASSERT_EQ(steps.size(), 3U);
  std::vector<std::string> printed;
  for (const auto& step : steps) {
    const auto result = run(step.command);
    EXPECT_EQ(result.exit_code, 0) << result.out;
    const test::ConsoleStep shown{step.command, without_verdicts(step.lines)};
    EXPECT_EQ(test::difference(shown, joined(without_verdicts(test::lines_of(result.out)))), "")
        << step.command << " printed:\n"
        << result.out;
    printed.push_back(result.out);
  }
  EXPECT_THAT(printed.front(), HasSubstr("\nbottleneck: no_workers: "));
  EXPECT_THAT(printed.back(), HasSubstr("\nbottleneck: "));
  EXPECT_THAT(printed.back(), Not(HasSubstr("no_workers")));
}

}  // namespace
}  // namespace millrace::why_slow_test
