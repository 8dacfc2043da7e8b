#include "millrace/configs/tables/reference.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/configs/tables/collate_keys.h"
#include "millrace/configs/tables/combined_keys.h"
#include "millrace/configs/tables/dataset_keys.h"
#include "millrace/configs/tables/loader_keys.h"
#include "millrace/configs/tables/model_keys.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/sampler_keys.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::configs::tables {
namespace {

template <class... T>
std::vector<Description> describe_types(TypeList<T...>) {
  return {describe<T>()...};
}

std::vector<Description> describe_datasets() {
  auto all = describe_types(NamedDatasets());
  for (auto& combined : describe_types(CombinedDatasets())) all.push_back(std::move(combined));
  all.push_back(describe<Chain>());
  return all;
}

Description describe_loader() {
  Description description{"loader", "DataLoaderOptions", "", {}};
  describe_keys(Loader(), description.keys);
  for (const LiveOption& option : kLiveOptions)
    description.about.append(description.about.empty() ? "Not in YAML: " : "; ")
        .append(option.name)
        .append(", ")
        .append(option.why);
  description.about += ".";
  return description;
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
  for (const transforms::Description& transform : transforms::describe_all()) {
    Description& description = descriptions.emplace_back();
    description = {transform.yaml_name, "transforms::" + transform.name, without_marks(transform.about), {}};
    for (const auto& [key, value] : transform.parameters)
      description.keys.push_back({key, "", value.empty(), in_yaml(value), "", ""});
  }
  return descriptions;
}

// A section whose keys do not depend on a type.
bool is_one_thing(const SectionDescription& section) {
  return section.entries.size() == 1 && section.entries.front().name == section.name;
}

std::string key_line(const KeyDescription& key) {
  std::string line = "  " + key.name + ": " + key.default_value;
  if (key.is_required) line += "(required)";
  if (!key.absent.empty()) line += "(" + key.absent + ")";
  line += "\n";
  std::string about = key.about;
  if (!key.expected.empty()) about += (about.empty() ? "" : " ") + ("Expects " + key.expected + ".");
  return about.empty() ? line : line + "      " + about + "\n";
}

std::string entry_text(const Description& entry) {
  std::string text = entry.name + " (" + entry.makes + "): " + entry.about + "\n";
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
    text += line + "\n";
  }
  return text;
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

std::string entry_page(const Description& entry) {
  if (entry.keys.empty()) return "";
  std::string text = "\n| key | expects | left out | |\n|---|---|---|---|\n";
  for (const KeyDescription& key : entry.keys) text += key_row(key);
  return text;
}

}  // namespace

std::vector<SectionDescription> describe_sections() {
  return {
      {"dataset", "where samples come from", "dataset: {type: image_folder, root: photos/train}", describe_datasets()},
      {"transforms", "what is done to pictures, in this order",
       "transforms: [random_resized_crop: {size: 224}, random_horizontal_flip]", describe_transforms()},
      {"sampler", "in which order; sequential unless said, or random with loader.shuffle",
       "sampler: {type: random, seed: 1}   # or, where no key is needed, sampler: random",
       describe_types(NamedSamplers())},
      {"collate", "how samples of any shape become a batch",
       "collate: {type: pad, value: -1}    # or, where no key is needed, collate: pad",
       describe_types(NamedCollates())},
      {"loader", "how batches are made", "loader: {batch_size: 64, num_workers: 4}", {describe_loader()}},
      {"model", "what is trained; channels, height, width and classes are the data's to say",
       "model: {type: resnet18, stem: small}   # or, where no key is needed, model: resnet18",
       describe_types(NamedModels())},
  };
}

std::string help_text(std::string_view topic) {
  const auto sections = describe_sections();
  if (topic.empty()) return list_of_sections(sections);
  const size_t dot = topic.find('.');
  const SectionDescription& section = find(sections, topic.substr(0, dot));
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
      page +=
          (is_one_thing(section) ? "`" + entry.makes + "`. " : "**`" + entry.name + "`**, `" + entry.makes + "`. ") +
          entry.about + "\n" + entry_page(entry) + "\n";
    }
  }
  page.pop_back();  // One end of line is enough at the end.
  return page;
}

}  // namespace millrace::configs::tables
