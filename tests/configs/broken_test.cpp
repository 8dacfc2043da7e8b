// Broken configurations and all that is said about each: tests/configs/broken/*.yaml.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/check.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::broken_test {
namespace {

namespace fs = std::filesystem;

// Behind the YAML of a case: the arguments of the command line, and the lines of the message.
constexpr std::string_view kOverride = "#! ";
constexpr std::string_view kExpected = "#> ";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string names_in(const std::string& section) {
  std::string names;
  for (const auto& one : tables::describe_sections())
    if (one.name == section)
      for (const auto& entry : one.entries) names.append(names.empty() ? "" : ", ").append(entry.name);
  return names;
}

// Lists that grow with the tables stand in the cases as {datasets}, and what they are now comes in their place.
std::string with_lists(std::string text) {
  const std::map<std::string, std::string> sections = {{"{datasets}", "dataset"},     {"{transforms}", "transforms"},
                                                       {"{samplers}", "sampler"},     {"{collates}", "collate"},
                                                       {"{optimizers}", "optimizer"}, {"{models}", "model"}};
  for (const auto& [placeholder, section] : sections) text = replaced(text, placeholder, names_in(section));
  return replaced(text, "{top_level}", joined(tables::top_level_keys()));
}

struct Case {
  std::vector<std::string> overrides;
  std::string expected;
};

Case read_case(const fs::path& file) {
  Case read;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kOverride)) read.overrides.push_back(line.substr(kOverride.size()));
    if (line.starts_with(kExpected))
      read.expected.append(read.expected.empty() ? "" : "\n").append(with_lists(line.substr(kExpected.size())));
  }
  return read;
}

// What is wrong with a file as a whole, or is not YAML: no key is to blame.
bool is_about_no_key(const std::string& what) {
  return what.starts_with("not valid YAML: ") || what.starts_with("expected a map of settings, ") ||
         what.starts_with("a second YAML document ");
}

// Each line of a message says where, by a place in a file or the argument of the command line; which key; and what to
// do about it, or what was expected.
void expect_place_key_and_cure(const std::string& line) {
  static const std::regex kInFile(R"([^ :]+\.yaml:[0-9]+:[0-9]+: (.*))"), kArgument("command line '([^ ]+)': (.*)");
  static const std::regex kKey(R"([^ ]+: .*|the key '[a-z_]+' is missing .*)");
  static const std::regex kCure(
      R"(\bexpected |\bmust be |, did you mean .*\?|its place is |is missing \(.*\)|; in C\+\+ only: |; known here: )"
      R"(|(^|[;,] )(of [a-z ]+ )?(write|remove|append|leave|indent|quote|set|say) |\?$)");
  std::smatch found;
  const bool is_argument = std::regex_match(line, found, kArgument);
  ASSERT_TRUE(is_argument || std::regex_match(line, found, kInFile)) << "no place: " << line;
  const std::string what = found[found.size() - 1];
  EXPECT_TRUE(is_argument || is_about_no_key(what) || std::regex_match(what, kKey)) << "no key: " << line;
  EXPECT_TRUE(std::regex_search(what, kCure)) << "no cure: " << line;
}

TEST(BrokenConfigurations, AreExplainedWholeAndInOneGo) {
  const std::string folder = test::source("tests/configs/broken") + "/";
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++cases;
    SCOPED_TRACE(entry.path().filename());
    const Case broken = read_case(entry.path());
    ASSERT_FALSE(broken.expected.empty());
    const auto said = test::error_of<ConfigError>([&] { load_run(entry.path(), broken.overrides); });
    EXPECT_EQ(replaced(said, folder, ""), broken.expected);
    std::istringstream lines(broken.expected);
    for (std::string line; std::getline(lines, line);) expect_place_key_and_cure(line);
  }
  EXPECT_GE(cases, 80);
}

}  // namespace
}  // namespace millrace::configs::broken_test
