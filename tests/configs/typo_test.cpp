// Every name that a configuration may have, with every slip of the pen by one letter: the message says which was meant.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/check.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::configs::typo_test {
namespace {

// The names that may stand at one place, and a document with another text there.
struct Place {
  std::vector<std::string> names;
  std::function<std::string(const std::string& text)> document;
};

std::vector<std::string> names_of(const std::vector<tables::KeyDescription>& keys) {
  std::vector<std::string> names;
  for (const auto& key : keys) names.push_back(key.name);
  return names;
}

// "one of rgb, gray" in its words.
std::vector<std::string> words_of(const tables::KeyDescription& key) {
  const std::string start = "one of ";
  return key.expected.starts_with(start) ? tables::split_words(key.expected.substr(start.size()))
                                         : std::vector<std::string>();
}

// All places of a section: its types, their keys, and the words that these have.
std::vector<Place> places_of(const tables::SectionDescription& section) {
  const std::string before = section.name == "run" ? "" : section.name + ": ";
  if (section.entries.empty()) return {};
  const bool has_types = section.entries.front().name != section.name;
  const bool is_list = section.name == "transforms";
  std::vector<Place> places;
  Place types;
  for (const auto& entry : section.entries) {
    types.names.push_back(entry.name);
    const auto within = [=](const std::string& keys) {
      if (is_list) return before + "[" + entry.name + ": {" + keys + "}]";
      if (section.name == "run") return keys;
      return before + "{" + (has_types ? "type: " + entry.name + ", " : "") + keys + "}";
    };
    if (section.name != "run")
      places.push_back({names_of(entry.keys), [=](const std::string& key) { return within(key + ": 1"); }});
    for (const auto& key : entry.keys)
      places.push_back({words_of(key), [=](const std::string& word) { return within(key.name + ": " + word); }});
  }
  types.document = [=](const std::string& type) { return before + (is_list ? "[" + type + "]" : type); };
  if (has_types) places.push_back(types);
  return places;
}

std::vector<Place> all_places() {
  std::vector<Place> places;
  places.push_back({tables::top_level_keys(), [](const std::string& key) { return key + ": {}"; }});
  for (const auto& section : tables::describe_sections())
    for (auto& place : places_of(section)) places.push_back(std::move(place));
  return places;
}

// By kind.
std::map<std::string, std::set<std::string>> typos_of(const std::string& name) {
  std::map<std::string, std::set<std::string>> typos;
  for (size_t i = 0; i < name.size(); ++i) {
    typos["a letter left out"].insert(name.substr(0, i) + name.substr(i + 1));
    typos["a letter twice"].insert(name.substr(0, i) + name[i] + name.substr(i));
    for (const char other : {'x', name[i] == 'z' ? 'a' : static_cast<char>(name[i] + 1)})
      if (std::isalpha(static_cast<unsigned char>(other)) != 0)
        typos["a wrong letter"].insert(name.substr(0, i) + other + name.substr(i + 1));
    if (i == 0) continue;
    std::string swapped = name;
    std::swap(swapped[i - 1], swapped[i]);
    typos["two letters swapped"].insert(swapped);
  }
  return typos;
}

TEST(Typos, NameWhatWasMeant) {
  struct Count {
    int all = 0;
    int right = 0;
    std::string wrong;
  };
  std::map<std::string, Count> counts;
  for (const Place& place : all_places())
    for (const std::string& name : place.names)
      for (const auto& [kind, typos] : typos_of(name))
        for (const std::string& typo : typos) {
          const bool is_name = std::find(place.names.begin(), place.names.end(), typo) != place.names.end();
          const bool is_the_other_key = typo == "type";  // `dtype` without its first letter, beside the type.
          if (typo.empty() || is_name || is_the_other_key) continue;
          const Node run(parse(place.document(typo), "run.yaml"));
          const auto said = test::error_of<ConfigError>([&] { check_run(run); });
          Count& count = counts[kind];
          ++count.all;
          if (said.find("did you mean " + name + "?") != std::string::npos)
            ++count.right;
          else
            count.wrong += place.document(typo) + " is not " + name + "\n";
        }
  EXPECT_EQ(counts.size(), 4U);
  for (const auto& [kind, count] : counts) {
    EXPECT_GT(count.all, 1000) << kind;
    EXPECT_GE(count.right, 0.95 * count.all) << kind << ": " << count.right << " of " << count.all << "\n"
                                             << count.wrong;
    RecordProperty(kind, std::to_string(count.right) + " of " + std::to_string(count.all));
  }
}

// What C++ calls a thing leads to its name in YAML.
TEST(Typos, NamesOfCppAreUnderstood) {
  for (const auto& section : tables::describe_sections()) {
    std::vector<std::string> names;
    for (const auto& entry : section.entries) names.push_back(entry.name);
    std::set<std::string> made = {"", "DataLoaderOptions"};
    for (const auto& entry : section.entries) {
      const bool is_template = entry.makes.find('<') != std::string::npos;  // Of which nobody writes the arguments.
      if (is_template || !made.insert(entry.makes).second) continue;        // Of several that make the same, the first.
      EXPECT_EQ(nearest(entry.makes, names), entry.name) << entry.makes;
    }
  }
}

}  // namespace
}  // namespace millrace::configs::typo_test
