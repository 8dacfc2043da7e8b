#include "millrace/training/defaults.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/key_defaults.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/whole_number.h"
#include "millrace/training/each_dataset.h"
#include "millrace/training/mask_values.h"

namespace millrace::training {
namespace {

using configs::Value;

constexpr const char* kOrigin = "default";

// A section that training has in any case, and what it is where no type is named.
using DefaultType = std::pair<std::string_view, std::string_view>;

void add_missing(Value& map, const std::string& yaml) {
  map.kind = Value::Kind::kMap;
  for (auto& member : configs::parse(yaml, kOrigin).members) {
    if (map.find(member.key) != nullptr) continue;
    member.origin = {kOrigin};
    set_origin(member.value, member.origin);
    map.members.push_back(std::move(member));
  }
}

// Whether a dataset reads pictures from files, which may be of any size.
bool has_files_of_pictures(const Value& pipeline) {
  constexpr std::array<std::string_view, 9> kTypes{"image_folder", "image_files", "image_manifest",
                                                   "image_masks",  "image_pairs", "image_pairs_manifest",
                                                   "lmdb_images",  "tar_images",  "tfrecord_images"};
  const Value* dataset = pipeline.find("dataset");
  const Value* type = dataset != nullptr ? dataset->find("type") : nullptr;
  return type != nullptr && std::find(kTypes.begin(), kTypes.end(), type->text) != kTypes.end();
}

// What a split needs to be loaded.
void complete_split(Value& pipeline, int workers) {
  add_missing(pipeline, "loader: {}");
  add_missing(*pipeline.find("loader"), "{batch_size: 32, num_workers: " + std::to_string(workers) + "}");
  if (has_files_of_pictures(pipeline)) add_missing(pipeline, "transforms: [resize: {size: [64, 64]}]");
}

// Whether samples are answered by pictures or masks, and not by a class or a number each.
bool is_answered_by_pictures(const Value& dataset) {
  bool is = false;
  for_each_dataset(dataset, [&](const Value& section) {
    const Value* type = section.find("type");
    is |= has_masks(section) || (type != nullptr && type->text.starts_with("image_pairs"));
  });
  return is;
}

// As tables/sections.h says.
std::array<DefaultType, 3> default_types(const Value& run) {
  const Value* const dataset = run.find("dataset");
  const bool has_pictures = dataset != nullptr && is_answered_by_pictures(*dataset);
  return {{{"model", has_pictures ? "unet" : "small_cnn"}, {"optimizer", "adamw"}, {"schedule", "cosine"}}};
}

// "[0, 1, 2]" of three classes; nothing of what is no such number.
std::optional<std::string> numbers_of(const Value* classes) {
  constexpr int64_t kMost = 255;
  const auto count = classes == nullptr ? std::nullopt : millrace::detail::whole_number<int64_t>(classes->text);
  if (!count || *count < 1 || *count > kMost) return std::nullopt;
  std::string numbers;
  for (int64_t i = 0; i < *count; ++i) numbers += (i > 0 ? ", " : "") + std::to_string(i);
  return "[" + numbers + "]";
}

void require_room(const Value& run, size_t values) {
  const auto classes = millrace::detail::whole_number<size_t>(run.find("classes")->text);
  if (classes && *classes < values)
    throw configs::Node(run)["classes"].error("mask_values has " + std::to_string(values) + ", found " +
                                              std::to_string(*classes) + "; remove it, the dataset says it");
}

// The numbers in masks and how many classes there are follow from each other. With both, the dataset refuses a number
// that is no class, and names its file.
void complete_masks(Value& run) {
  Value* const dataset = run.find("dataset");
  if (dataset == nullptr) return;
  const Value* const said = find_mask_values(*dataset);
  std::optional<Value> values = said != nullptr ? std::optional(*said) : std::nullopt;
  if (values && values->kind == Value::Kind::kList) {
    add_missing(run, "classes: " + std::to_string(values->elements.size()));
    require_room(run, values->elements.size());
  } else if (const auto numbers = numbers_of(run.find("classes"))) {
    values = configs::parse(*numbers, kOrigin);
  }
  if (!values) return;
  const auto add_values = [&](Value& section) {
    if (has_masks(section) && section.find("mask_values") == nullptr)
      section.members.push_back({"mask_values", values->origin, *values});
  };
  for_each_dataset(*dataset, add_values);
  Value* const test = run.find("test");
  if (Value* const tested = test != nullptr ? test->find("dataset") : nullptr) for_each_dataset(*tested, add_values);
}

// Removes the keys of a completed loader whose defaults training has other answers for: its device and its seed are
// those of the run, and its order depends on the dataset.
void drop_answered(Value& completed, const Value& said) {
  for (const char* key : {"device", "seed", "shuffle"})
    if (said.find(key) == nullptr)
      std::erase_if(completed.members, [&](const configs::Member& member) { return member.key == key; });
}

}  // namespace

Value with_defaults(Value run, int cores) {
  const auto types = default_types(run);
  for (const auto& [section, type] : types) add_missing(run, std::string(section) + ": " + std::string(type));
  for (const auto& [section, type] : types)
    if (Value& value = *run.find(section); value.kind == Value::Kind::kMap)
      add_missing(value, "type: " + std::string(type));
  complete_split(run, std::max(1, cores - 1));
  if (Value* test = run.find("test")) complete_split(*test, 0);
  complete_masks(run);
  return run;
}

Value with_all_keys(Value run, const std::vector<configs::tables::SectionDescription>& sections) {
  Value completed = configs::with_key_defaults(run, sections);
  drop_answered(*completed.find("loader"), *run.find("loader"));
  if (Value* const test = completed.find("test"))
    drop_answered(*test->find("loader"), *run.find("test")->find("loader"));
  return completed;
}

}  // namespace millrace::training
