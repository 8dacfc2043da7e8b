// Broken configurations and all that is said about each: tests/configs/broken/*.yaml.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
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
  }
  EXPECT_GE(cases, 80);
}

}  // namespace
}  // namespace millrace::configs::broken_test
