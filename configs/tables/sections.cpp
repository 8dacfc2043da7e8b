#include "millrace/configs/tables/sections.h"

#include <algorithm>
#include <type_traits>

#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/synonyms.h"

namespace millrace::configs::tables {
namespace {

template <Keyed T>
std::vector<std::string> names_of_keys() {
  std::vector<std::string> names;
  for_each_key<T>([&](const auto& key) { names.emplace_back(key.name); });
  return names;
}

std::vector<std::string> names_of_pipeline() {
  std::vector<std::string> names;
  for_each_pipeline_section([&](const SectionHead& head, auto) { names.emplace_back(head.name); });
  return names;
}

std::vector<std::string> names_of_sections() {
  std::vector<std::string> names;
  for_each_section([&](const SectionHead& head, auto) { names.emplace_back(head.name); });
  return names;
}

// The names of the sections that hold no sections themselves.
std::vector<std::string> names_of_leaves() {
  std::vector<std::string> names;
  for_each_section([&]<class Form>(const SectionHead& head, Form) {
    if (!std::is_same_v<Form, Pipeline>) names.emplace_back(head.name);
  });
  return names;
}

// The path of a section, cut before and behind the first part that holds no sections: "test." and "test.sampler" of
// "test.sampler.sampler".
struct Where {
  std::string pipeline;
  std::string section;
};

Where where_is(std::string_view path) {
  const auto leaves = names_of_leaves();
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const auto part = path.substr(begin, end - begin);
    if (std::find(leaves.begin(), leaves.end(), part) != leaves.end())
      return {std::string(path.substr(0, begin)), std::string(path.substr(0, end))};
    begin = end + 1;
  }
  return {path.empty() ? "" : std::string(path) + ".", std::string(path)};
}

template <Keyed T>
bool has_key(std::string_view name) {
  bool has = false;
  for_each_key<T>([&]<class Owner, class Value>(const Key<Owner, Value>& key) {
    if constexpr (Keyed<Value>)
      has |= has_key<Value>(name);
    else
      has |= key.name == name;
  });
  return has;
}

}  // namespace

bool has_dataset_key(std::string_view type, std::string_view key) {
  bool has = false;
  for_each_type(AllDatasets(), [&]<class T>(T) { has |= T::kName == type && has_key<T>(key); });
  return has;
}

std::vector<std::string> top_level_keys() {
  auto names = names_of_sections();
  for (const auto& key : names_of_keys<Run>()) names.push_back(key);
  return names;
}

std::string place_of(std::string_view key, std::string_view section) {
  const auto [pipeline, leaf] = where_is(section);
  if (leaf == pipeline + "transforms") return "";  // A step has nothing that a section has too.
  if (const auto found = same_name(key, names_of_keys<Loader>())) return pipeline + "loader." + *found;
  if (section.empty()) return place_of_misplaced(key);
  if (const auto found = other_name_of(key, names_of_pipeline())) return pipeline + *found + ", beside " + leaf;
  if (const auto found = same_name(key, top_level_keys())) return *found + ", at the top of the file";
  return "";
}

}  // namespace millrace::configs::tables
