// docs/suites: that each row has a verdict with what belongs to it, that the tests which it names stand in the files
// that it names, and that the pages count their rows right.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "millrace/tests/support/paths.h"

namespace millrace::suites_test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// All that the pattern's groups matched, match by match.
std::vector<std::vector<std::string>> matches(const std::string& text, const char* pattern) {
  const std::regex wanted(pattern);
  std::vector<std::vector<std::string>> found;
  for (std::sregex_iterator at(text.begin(), text.end(), wanted), end; at != end; ++at) {
    auto& groups = found.emplace_back();
    for (size_t group = 1; group < at->size(); ++group) groups.push_back((*at)[group]);
  }
  return found;
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(test::source("docs/suites"))) found.push_back(entry.path());
  return found;
}

struct Row {
  std::string test;  // Of the other project, behind its class.
  std::string verdict;
  std::string text;
};

// Those of the page's tables, save for their heads.
std::vector<Row> rows_of(const std::string& page) {
  std::vector<Row> rows;
  std::string section;
  for (const auto& found : matches(page, R"((?:^|\n)(?:## ([^\n]+)|\| `(\w+)` \| ([^|]*) \| ([^\n]*) \|(?=\n)))")) {
    if (!found[0].empty())
      section = found[0];
    else
      rows.push_back({section + "." + found[1], found[2], found[3]});
  }
  return rows;
}

// By the file that they stand in, by its path from the root.
const std::map<std::string, std::set<std::string>>& tests_of_the_tree() {
  static const auto tests = [] {
    std::map<std::string, std::set<std::string>> found;
    for (const auto& entry : fs::recursive_directory_iterator(test::source("tests"))) {
      if (entry.path().extension() != ".cpp") continue;
      auto& here = found[fs::relative(entry.path(), test::source("")).string()];
      for (const auto& names : matches(text_of(entry.path()), R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))"))
        here.insert(names[0] + "." + names[1]);
    }
    return found;
  }();
  return tests;
}

TEST(Suites, EveryTestThatIsNamedStandsInItsFile) {
  size_t named = 0;
  for (const auto& page : pages())
    for (const Row& row : rows_of(text_of(page)))
      for (const auto& place : matches(row.text, R"(((?:`\w+\.\w+`(?:, )?)+) in `(tests/[\w/.]+)`)")) {
        const auto file = tests_of_the_tree().find(place[1]);
        ASSERT_NE(file, tests_of_the_tree().end()) << row.test << " names " << place[1];
        for (const auto& test : matches(place[0], R"(`(\w+\.\w+)`)")) {
          ++named;
          EXPECT_TRUE(file->second.contains(test[0])) << row.test << ": " << place[1] << " has no " << test[0];
        }
      }
  EXPECT_GT(named, 200u);
}

TEST(Suites, EveryRowHasWhatItsVerdictNeeds) {
  const std::map<std::string, std::regex> needed = {
      {"holds", std::regex(R"(^`\w+\.\w+`.* in `tests/.*)")},
      {"differs", std::regex(R"(^documented at \[[^\]]+\]\([^)]+#[^)]+\): .*)")},
      {"left out", std::regex("^because .+")},
      {"open", std::regex(".+")},
  };
  for (const auto& page : pages()) {
    std::set<std::string> seen;
    for (const Row& row : rows_of(text_of(page))) {
      EXPECT_TRUE(seen.insert(row.test).second) << page << " has " << row.test << " twice";
      const auto found = needed.find(row.verdict);
      ASSERT_NE(found, needed.end()) << row.test << ": '" << row.verdict << "' is no verdict";
      EXPECT_TRUE(std::regex_match(row.text, found->second)) << row.test << ": " << row.text;
    }
  }
}

TEST(Suites, PagesCountTheirRows) {
  size_t counted = 0;
  for (const auto& page : pages()) {
    const std::string text = text_of(page);
    std::map<std::string, int> verdicts;
    const auto rows = rows_of(text);
    for (const Row& row : rows) ++verdicts[row.verdict];
    const std::string count = std::to_string(rows.size()) + " tests: " + std::to_string(verdicts["holds"]) + " hold, " +
                              std::to_string(verdicts["differs"]) + " differ, " + std::to_string(verdicts["left out"]) +
                              " left out, " + std::to_string(verdicts["open"]) + " open.";
    EXPECT_NE(text.find(count), std::string::npos) << page << " should say: " << count;
    counted += rows.size();
  }
  EXPECT_GT(counted, 400u);
}

}  // namespace
}  // namespace millrace::suites_test
