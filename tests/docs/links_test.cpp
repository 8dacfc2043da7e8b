// What pages point at is there: links, files of the tree, variables.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "millrace/tests/support/paths.h"

namespace millrace::links_test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  for (const char* folder : {"", "docs", "docs/suites"})
    for (const auto& entry : fs::directory_iterator(test::source(folder)))
      if (entry.path().extension() == ".md") found.push_back(entry.path());
  return found;
}

std::string without(const std::string& text, const char* pattern) {
  return std::regex_replace(text, std::regex(pattern), "");
}

std::string prose_of(const fs::path& page) { return without(text_of(page), "```[^`]*```"); }

// All that `group` of the pattern matched.
std::set<std::string> matches(const std::string& text, const char* pattern, size_t group = 1) {
  const std::regex wanted(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), wanted), end; at != end; ++at) found.insert((*at)[group]);
  return found;
}

// As GitHub makes it of a heading.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    if (c == ' ') anchor += '-';
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_')
      anchor += static_cast<char>(std::tolower(c));
  }
  return anchor;
}

TEST(Pages, LinkToPagesAndHeadingsThatExist) {
  size_t links = 0;
  for (const auto& page : pages()) {
    for (const std::string& link : matches(without(prose_of(page), "`[^`]*`"), R"(\]\(([^)\s]+)\))")) {
      if (link.starts_with("http")) continue;
      ++links;
      const size_t hash = link.find('#');
      const std::string file = link.substr(0, hash);
      const fs::path target = file.empty() ? page : page.parent_path() / file;
      ASSERT_TRUE(fs::exists(target)) << page << " links to " << link;
      if (hash == link.npos) continue;
      std::set<std::string> anchors;
      for (const std::string& heading : matches(prose_of(target), R"((^|\n)#+ ([^\n]*))", 2))
        anchors.insert(anchor_of(heading));
      EXPECT_TRUE(anchors.contains(link.substr(hash + 1))) << page << " links to " << link;
    }
  }
  EXPECT_GT(links, 20u);
}

TEST(Pages, AreAllListed) {
  const fs::path list = test::source("docs/README.md");
  const auto listed = matches(text_of(list), R"(\]\(([^)\s]+)\))");
  for (const auto& page : pages()) {
    const fs::path link = fs::relative(page, list.parent_path());
    if (page == list || link.begin()->string() == "..") continue;
    EXPECT_TRUE(listed.contains(link.string())) << "docs/README.md does not list " << link;
  }
}

TEST(Pages, NameFilesThatExist) {
  size_t named = 0;
  for (const auto& page : pages()) {
    for (const std::string& path : matches(
             prose_of(page),
             "`((apps|benchmarks|cmake|configs|docs|formats|loader|samplers|scripts|sharing|tests)/[a-z0-9_./-]*)`")) {
      ++named;
      EXPECT_TRUE(fs::exists(test::source(path))) << page << " names " << path;
    }
  }
  EXPECT_GT(named, 100u);
}

// Those that programs, tests and scripts read, and those of CMake.
std::set<std::string> variables_of_the_tree() {
  std::set<std::string> found;
  for (const char* folder : {"", "apps", "benchmarks", "cmake", "configs", "formats", "loader", "plots", "records",
                             "samplers", "scripts", "sharing", "tests"}) {
    for (fs::recursive_directory_iterator at(test::source(folder)), end; at != end; ++at) {
      if (*folder == '\0') at.disable_recursion_pending();
      const auto extension = at->path().extension();
      const bool is_cmake = extension == ".cmake" || at->path().filename() == "CMakeLists.txt";
      if (extension == ".cpp" || extension == ".h")
        found.merge(matches(text_of(at->path()), "\"(MILLRACE_[A-Z0-9_]+)"));
      if (!is_cmake) continue;
      const std::string text = text_of(at->path());
      found.merge(matches(text, R"((option|find_program|find_path)\((MILLRACE_\w+))", 2));
      found.merge(matches(text, R"(set\((MILLRACE_\w+) [^)]* CACHE )"));
    }
  }
  return found;
}

TEST(Pages, ExplainEveryVariable) {
  const auto explained = matches(prose_of(test::source("docs/debugging.md")), "`(MILLRACE_[A-Z0-9_]+)`");
  EXPECT_EQ(explained, variables_of_the_tree());
}

}  // namespace
}  // namespace millrace::links_test
