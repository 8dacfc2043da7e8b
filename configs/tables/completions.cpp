#include "millrace/configs/tables/completions.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sections.h"

namespace millrace::configs::tables {
namespace {

// Each key by its whole path, with the words that its value may be; none where any text may stand.
using Settings = std::map<std::string, std::set<std::string>>;

void add_keys(const std::string& path, const Description& entry, Settings& settings) {
  for (const KeyDescription& key : entry.keys) settings[path + key.name].insert(key.words.begin(), key.words.end());
}

bool has_required_keys(const Description& entry) {
  return std::any_of(entry.keys.begin(), entry.keys.end(), [](const KeyDescription& key) { return key.is_required; });
}

// What is being completed, and what is known for it.
struct Asked {
  std::string_view word;
  const TypeOfSection& type_of;
};

void add_types(const std::string& path, const SectionDescription& section, const Asked& asked, Settings& settings);

// "dataset.datasets.0" of the list at "dataset.datasets", where that is on the way to the word; "" where it is not.
std::string element_on_the_way(const std::string& list, std::string_view word) {
  if (!word.starts_with(list + ".")) return "";
  const size_t dot = word.find('.', list.size() + 1);
  return dot == word.npos ? "" : std::string(word.substr(0, dot));
}

// Keys that hold a section of the same kind: the dataset of a random_split. Only where the word goes, as there is no
// end of them.
void add_inner(const std::string& path, const Description& entry, const SectionDescription& section, const Asked& asked,
               Settings& settings) {
  for (const KeyDescription& key : entry.keys) {
    const std::string inner = path + "." + key.name;
    const bool is_one = key.expected == kTypeText<InnerDataset> || key.expected == kTypeText<InnerSampler>;
    if (is_one && asked.word.starts_with(inner)) add_types(inner, section, asked, settings);
    if (key.expected != kTypeText<InnerDatasets>) continue;
    if (const std::string element = element_on_the_way(inner, asked.word); !element.empty())
      add_types(element, section, asked, settings);
  }
}

void add_types(const std::string& path, const SectionDescription& section, const Asked& asked, Settings& settings) {
  const std::string chosen = asked.type_of(path);
  for (const Description& entry : section.entries) {
    settings[path + ".type"].insert(entry.name);
    if (!has_required_keys(entry)) settings[path].insert(entry.name);
    if (!chosen.empty() && chosen != entry.name) continue;
    add_keys(path + ".", entry, settings);
    add_inner(path, entry, section, asked, settings);
  }
}

void add_section(const std::string& path, const SectionDescription& section, const Asked& asked, Settings& settings) {
  if (section.name == "transforms")
    for (const Description& entry : section.entries) {
      settings[path + "+"].insert(entry.name);
      add_keys(path + "." + entry.name + ".", entry, settings);
    }
  else if (is_one_thing(section))
    add_keys(path + ".", section.entries.front(), settings);
  else
    add_types(path, section, asked, settings);
}

bool describes_a_loader(const SectionDescription& section) {
  bool found = false;
  for_each_pipeline_section([&](const SectionHead& head, auto) { found = found || head.name == section.name; });
  return found;
}

Settings all_settings(const Asked& asked, const std::vector<SectionDescription>& sections) {
  Settings settings;
  for (const SectionDescription& section : sections) {
    if (section.name == "run")
      add_keys("", section.entries.front(), settings);
    else
      add_section(section.name, section, asked, settings);
    if (describes_a_loader(section)) add_section("test." + section.name, section, asked, settings);
  }
  return settings;
}

// Only as far as the next dot, so that what comes behind it is a choice of its own.
std::vector<std::string> next_parts(const std::set<std::string>& all, std::string_view word) {
  std::set<std::string> parts;
  for (const std::string& text : all) {
    if (!text.starts_with(word)) continue;
    const size_t dot = text.find('.', word.size());
    parts.insert(dot == text.npos ? text : text.substr(0, dot + 1));
  }
  return {parts.begin(), parts.end()};
}

// The marks of overrides that add (+a.b=v) and remove (~a.b).
std::string_view mark_of(std::string_view word) {
  return word.starts_with('+') || word.starts_with('~') ? word.substr(0, 1) : "";
}

std::vector<std::string> complete_value(std::string_view key, std::string_view value, const Settings& settings) {
  std::vector<std::string> values;
  const auto found = settings.find(std::string(key));
  if (found == settings.end()) return values;
  for (const std::string& word : found->second)
    if (word.starts_with(value)) values.push_back(std::string(key) + "=" + word + " ");
  return values;
}

// What is added (+a.b=v) is new, and nothing is appended to it.
std::vector<std::string> complete_key(std::string_view word, std::string_view mark, const Settings& settings) {
  std::set<std::string> keys;
  for (const auto& [key, _] : settings)
    if (mark.empty() || !key.ends_with('+')) keys.insert(key + "=");
  return next_parts(keys, word);
}

// Of what is removed, no value follows; a whole section may be, and a step of the transforms.
std::vector<std::string> complete_removed(std::string_view word, const Settings& settings) {
  std::set<std::string> keys;
  for (const auto& [key, _] : settings) {
    if (key.ends_with('+')) continue;
    for (size_t dot = key.find('.'); dot != key.npos; dot = key.find('.', dot + 1))
      keys.insert(key.substr(0, dot) + " ");
    keys.insert(key + " ");
  }
  return next_parts(keys, word);
}

// From the word without its mark.
std::vector<std::string> complete_bare(std::string_view word, std::string_view mark, const Settings& settings) {
  const size_t equals = word.find('=');
  if (mark == "~") return equals == word.npos ? complete_removed(word, settings) : std::vector<std::string>();
  if (equals == word.npos) return complete_key(word, mark, settings);
  const std::string_view key = word.substr(0, equals);
  if (!mark.empty() && key.ends_with('+')) return {};
  return complete_value(key, word.substr(equals + 1), settings);
}

}  // namespace

std::vector<std::string> complete_setting(std::string_view word, const TypeOfSection& type_of,
                                          const std::vector<SectionDescription>& sections) {
  const std::string_view mark = mark_of(word);
  const Asked asked{word.substr(mark.size()), type_of};
  auto found = complete_bare(asked.word, mark, all_settings(asked, sections));
  for (std::string& text : found) text.insert(0, mark);
  return found;
}

std::vector<std::string> complete_topic(std::string_view word, const std::vector<SectionDescription>& sections) {
  std::set<std::string> topics;
  for (const SectionDescription& section : sections) {
    topics.insert(section.name + " ");
    for (const Description& entry : section.entries)
      if (is_one_thing(section))
        for (const KeyDescription& key : entry.keys) topics.insert(section.name + "." + key.name + " ");
      else
        topics.insert(section.name + "." + entry.name + " ");
  }
  std::vector<std::string> found;
  const bool in_section = word.find('.') != word.npos;
  for (const std::string& topic : topics)
    if (topic.starts_with(word) && (in_section || topic.find('.') == topic.npos)) found.push_back(topic);
  return found;
}

}  // namespace millrace::configs::tables
