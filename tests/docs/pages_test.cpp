// A page of docs quotes the programs of the folder of apps/examples that has its name, and what they print.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Quoted {
  std::string name;
  std::string source;
  std::string output;
};

// What follows `mark`, up to the end of the block; the rest of the page stays.
std::string take_block(std::string& page, const std::string& mark) {
  const size_t begin = page.find(mark);
  if (begin == page.npos) return {};
  page.erase(0, begin + mark.size());
  const size_t end = page.find("```");
  std::string block = page.substr(0, end);
  page.erase(0, end + 3);
  return block;
}

std::vector<Quoted> quoted_programs(const std::string& name) {
  const std::string mark = "<!-- program: ";
  std::string page = text_of(test::source("docs/" + name + ".md"));
  std::vector<Quoted> programs;
  for (size_t at = page.find(mark); at != page.npos; at = page.find(mark)) {
    page.erase(0, at + mark.size());
    auto& program = programs.emplace_back();
    program.name = page.substr(0, page.find(' '));
    program.source = take_block(page, "```cpp\n");
    program.output = take_block(page, "```text\n");
  }
  return programs;
}

class Page : public testing::TestWithParam<std::string> {};

TEST_P(Page, QuotesEveryExampleAsItIs) {
  const fs::path sources = test::source("apps/examples/" + GetParam());
  std::set<std::string> quoted, existing;
  for (const auto& program : quoted_programs(GetParam())) {
    quoted.insert(program.name);
    EXPECT_EQ(program.source, text_of(sources / (program.name + ".cpp"))) << program.name;
  }
  for (const auto& file : fs::directory_iterator(sources)) existing.insert(file.path().stem());
  EXPECT_EQ(quoted, existing);
}

TEST_P(Page, SaysWhatTheProgramsPrint) {
  fs::current_path(test::data(""));  // Where they find pictures.
  for (const auto& program : quoted_programs(GetParam())) {
    const test::Watchdog watchdog(program.name, test::kLong);
    test::Program run({test::built("apps/example_" + program.name)});
    std::string printed;
    for (auto lines = std::count(program.output.begin(), program.output.end(), '\n'); lines > 0; --lines)
      printed += run.line() + "\n";
    EXPECT_EQ(printed, program.output) << program.name;
    EXPECT_EQ(run.wait().code(), 0) << program.name << ": " << run.errors();
  }
}

std::vector<std::string> pages_with_programs() {
  std::vector<std::string> pages;
  for (const auto& entry : fs::directory_iterator(test::source("apps/examples")))
    if (entry.is_directory()) pages.push_back(entry.path().filename());
  std::sort(pages.begin(), pages.end());
  return pages;
}

INSTANTIATE_TEST_SUITE_P(Docs, Page, testing::ValuesIn(pages_with_programs()),
                         [](const auto& page) { return page.param; });

}  // namespace
}  // namespace millrace
