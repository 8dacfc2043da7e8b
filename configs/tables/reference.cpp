#include "millrace/configs/tables/reference.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/parameter_meanings.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/tables/synonyms.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs::tables {
namespace {

template <class... T>
std::vector<Description> describe_types(TypeList<T...>) {
  return {describe<T>()...};
}

template <Keyed T>
std::vector<KeyDescription> keys_of_defaults() {
  std::vector<KeyDescription> keys;
  describe_keys(T(), keys);
  return keys;
}

std::string list_of_live_options() {
  std::string text;
  for (const LiveOption& option : kLiveOptions)
    text.append(text.empty() ? "Not in YAML: " : "; ").append(option.name).append(", ").append(option.why);
  return text + ".";
}

// Lists of C++ as YAML's, and no marks of a page.
std::string in_yaml(std::string text) {
  std::replace(text.begin(), text.end(), '{', '[');
  std::replace(text.begin(), text.end(), '}', ']');
  return text;
}

std::string without_marks(std::string text) {
  std::erase(text, '`');
  return text;
}

std::vector<Description> describe_transforms() {
  std::vector<Description> descriptions;
  for (const transforms::Description& transform : transforms::describe_all())
    descriptions.push_back(describe_transform(transform));
  return descriptions;
}

// The words of "one of edge, reflect"; none of anything else.
std::vector<std::string> words_in(std::string_view expected) {
  constexpr std::string_view kStart = "one of ";
  return expected.starts_with(kStart) ? split_words(expected.substr(kStart.size())) : std::vector<std::string>();
}

// What a section may say, by its form.

template <class List>
std::vector<Description> entries_of(const SectionHead&, OneOf<List>) {
  return describe_types(List());
}

template <class List, class Default>
std::vector<Description> entries_of(const SectionHead&, OneOfOrDefault<List, Default>) {
  return describe_types(List());
}

template <class T>
std::vector<Description> entries_of(const SectionHead& head, KeysOf<T>) {
  return {{std::string(head.name), "", "", keys_of_defaults<T>()}};
}

std::vector<Description> entries_of(const SectionHead& head, KeysOf<Loader>) {
  return {{std::string(head.name), "DataLoaderOptions", list_of_live_options(), keys_of_defaults<Loader>()}};
}

std::vector<Description> entries_of(const SectionHead&, Steps) { return describe_transforms(); }
std::vector<Description> entries_of(const SectionHead&, Pipeline) { return {}; }

std::string key_line(const KeyDescription& key) {
  std::string line = "  " + key.name + ": " + key.default_value;
  if (key.is_required) line += "(required)";
  if (!key.absent.empty()) line += "(" + key.absent + ")";
  line += "\n";
  std::string about = key.about;
  if (!key.expected.empty()) about += (about.empty() ? "" : " ") + ("Expects " + key.expected + ".");
  return about.empty() ? line : line + "      " + about + "\n";
}

// What is made and why, in one line; nothing of a section that is no type in C++.
std::string entry_head(const Description& entry) {
  return entry.makes.empty() ? "" : entry.name + " (" + entry.makes + "): " + entry.about + "\n";
}

std::string entry_text(const Description& entry) {
  std::string text = entry_head(entry);
  for (const KeyDescription& key : entry.keys) text += key_line(key);
  return text;
}

std::string section_text(const SectionDescription& section) {
  std::string text = section.name + ": " + section.about + "\n\n" + section.example + "\n";
  for (const Description& entry : section.entries) text += "\n" + entry_text(entry);
  return text;
}

std::string list_of_sections(const std::vector<SectionDescription>& sections) {
  std::string text = "Sections of a configuration; millrace help config SECTION has their keys.\n";
  for (const SectionDescription& section : sections) {
    text += "\n" + section.name + ": " + section.about + "\n";
    std::vector<std::string> names;
    for (const Description& entry : section.entries)
      if (is_one_thing(section))
        for (const KeyDescription& key : entry.keys) names.push_back(key.name);
      else
        names.push_back(entry.name);
    std::string line = " ";
    constexpr size_t kWidth = 100;
    for (size_t i = 0; i < names.size(); ++i) {
      if (line.size() + names[i].size() > kWidth) {
        text += line + "\n";
        line = " ";
      }
      line += " " + names[i] + (i + 1 < names.size() ? "," : "");
    }
    if (!names.empty()) text += line + "\n";
  }
  return text;
}

// ", a key of optimizer" of lr, or nothing: its section is what was meant.
std::string section_of_key(std::string_view key, const std::vector<SectionDescription>& sections) {
  const auto has_key = [&](const Description& entry) {
    return std::any_of(entry.keys.begin(), entry.keys.end(), [&](const auto& one) { return one.name == key; });
  };
  std::vector<std::string> found;
  for (const SectionDescription& section : sections)
    if (std::any_of(section.entries.begin(), section.entries.end(), has_key)) found.push_back(section.name);
  return found.empty() ? "" : ", a key of " + joined(found) + "; see millrace help config " + found.front();
}

const SectionDescription& find_section(const std::vector<SectionDescription>& sections, std::string_view name) {
  std::vector<std::string> names;
  for (const SectionDescription& one : sections) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  const std::string place = place_of_misplaced(name);
  std::string cure = section_of_key(name, sections);
  if (cure.empty() && !place.empty()) cure = "; here it is " + place + ", see millrace help config " + place;
  throw std::invalid_argument("expected one of " + joined(names) + ", found " + in_quotes(name) +
                              (cure.empty() ? did_you_mean(name, names) : cure));
}

// The element of that name. Throws std::invalid_argument that names those there are.
template <class Named>
const Named& find(const std::vector<Named>& all, std::string_view name) {
  std::vector<std::string> names;
  for (const Named& one : all) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  throw std::invalid_argument("expected one of " + joined(names) + ", found " + in_quotes(name) +
                              did_you_mean(name, names));
}

// A cell of a table: a bar would end it.
std::string cell(std::string text) {
  for (size_t at = text.find('|'); at != text.npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

std::string key_row(const KeyDescription& key) {
  const std::string value = key.is_required      ? "required"
                            : key.absent.empty() ? "`" + key.default_value + "`"
                                                 : key.absent;
  return "| `" + key.name + "` | " + cell(key.expected) + " | " + cell(value) + " | " + cell(key.about) + " |\n";
}

std::string entry_title(const SectionDescription& section, const Description& entry) {
  if (entry.makes.empty()) return "";
  const std::string name = is_one_thing(section) ? "" : "**`" + entry.name + "`**, ";
  return name + "`" + entry.makes + "`. " + entry.about + "\n\n";
}

std::string entry_page(const Description& entry) {
  if (entry.keys.empty()) return "";
  std::string text = "| key | expects | left out | |\n|---|---|---|---|\n";
  for (const KeyDescription& key : entry.keys) text += key_row(key);
  return text;
}

}  // namespace

Description describe_transform(const transforms::Description& transform) {
  Description description{transform.yaml_name, "transforms::" + transform.name, without_marks(transform.about), {}};
  for (const auto& [key, value, expected, is_required] : transform.parameters)
    description.keys.push_back(
        {key, expected, is_required, in_yaml(value), "", std::string(meaning_of_parameter(key)), words_in(expected)});
  return description;
}

std::vector<SectionDescription> describe_sections() {
  std::vector<SectionDescription> sections;
  for_each_section([&](const SectionHead& head, auto form) {
    sections.push_back(
        {std::string(head.name), std::string(head.about), std::string(head.example), entries_of(head, form)});
  });
  sections.push_back({"run", "keys beside the sections", "epochs: 10", {{"run", "", "", keys_of_defaults<Run>()}}});
  return sections;
}

std::string help_text(std::string_view topic) { return help_text(topic, describe_sections()); }

std::string help_text(std::string_view topic, const std::vector<SectionDescription>& sections) {
  if (topic.empty()) return list_of_sections(sections);
  const size_t dot = topic.find('.');
  const SectionDescription& section = find_section(sections, topic.substr(0, dot));
  if (dot == topic.npos) return section_text(section);
  const std::string_view name = topic.substr(dot + 1);
  if (is_one_thing(section)) return key_line(find(section.entries.front().keys, name));
  return entry_text(find(section.entries, name));
}

std::string reference_page() {
  std::string page;
  for (const SectionDescription& section : describe_sections()) {
    page += "## " + section.name + "\n\n";
    if (section.name == "transforms") {
      page += "What is done to pictures, in this order; [transforms.md](transforms.md) has their table.\n\n";
      continue;
    }
    std::string about = section.about;
    about.front() = static_cast<char>(about.front() - 'a' + 'A');
    page += about + ".\n\n```yaml\n" + section.example + "\n```\n\n";
    for (const Description& entry : section.entries) {
      page += entry_title(section, entry) + entry_page(entry) + (entry.keys.empty() ? "" : "\n");
    }
  }
  page.pop_back();  // One end of line is enough at the end.
  return page;
}

}  // namespace millrace::configs::tables
