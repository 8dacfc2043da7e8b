// What the tables say must be given, and what may be left out.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "millrace/configs/check.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::configs::required_test {
namespace {

// A run whose only setting beside its dataset is an entry of a section, named alone.
std::string run_with(const tables::SectionDescription& section, const std::string& entry) {
  if (section.name == "dataset") return "dataset: {type: " + entry + "}\n";
  std::string run = "dataset: {type: image_folder, root: photos}\n" + section.name + ": ";
  if (section.name == "transforms") return run + "[" + entry + "]\n";
  return run + (tables::is_one_thing(section) ? "{}\n" : "{type: " + entry + "}\n");
}

// The keys that are missing by what is said.
std::set<std::string> missing_keys(const std::string& said) {
  const std::regex missing("the key '(\\w+)' is missing");
  std::set<std::string> keys;
  for (std::sregex_iterator found(said.begin(), said.end(), missing), end; found != end; ++found)
    keys.insert((*found)[1]);
  return keys;
}

TEST(RequiredKeys, AreThoseWithoutWhichAnEntryIsRefused) {
  for (const auto& section : tables::describe_sections()) {
    if (section.name == "test" || section.name == "run") continue;  // Others in another form.
    for (const auto& entry : section.entries) {
      std::set<std::string> required;
      for (const auto& key : entry.keys)
        if (key.is_required) required.insert(key.name);
      const std::string run = run_with(section, entry.name);
      const auto said = test::error_of<ConfigError>([&] { check_run(Node(parse(run, "run.yaml"))); });
      EXPECT_EQ(missing_keys(said), required) << run << said;
      EXPECT_EQ(said == "no error", required.empty()) << run << said;
    }
  }
}

TEST(RequiredKeys, HaveNoDefault) {
  for (const auto& section : tables::describe_sections())
    for (const auto& entry : section.entries)
      for (const auto& key : entry.keys)
        EXPECT_NE(key.is_required, !key.default_value.empty() || !key.absent.empty()) << entry.name << "." << key.name;
}

}  // namespace
}  // namespace millrace::configs::required_test
