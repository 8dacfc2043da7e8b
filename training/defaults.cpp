#include "millrace/training/defaults.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/key_defaults.h"
#include "millrace/configs/yaml.h"

namespace millrace::training {
namespace {

using configs::Value;

constexpr const char* kOrigin = "default";

// The sections that training has in any case, and what they are where no type is named: as in tables/sections.h.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kDefaultTypes{
    {{"model", "small_cnn"}, {"optimizer", "adamw"}, {"schedule", "cosine"}}};

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
  constexpr std::array<std::string_view, 8> kTypes{"image_folder", "image_files",          "image_manifest",
                                                   "image_pairs",  "image_pairs_manifest", "lmdb_images",
                                                   "tar_images",   "tfrecord_images"};
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

// Removes the keys of a completed loader whose defaults training has other answers for: its device and its seed are
// those of the run, and its order depends on the dataset.
void drop_answered(Value& completed, const Value& said) {
  for (const char* key : {"device", "seed", "shuffle"})
    if (said.find(key) == nullptr)
      std::erase_if(completed.members, [&](const configs::Member& member) { return member.key == key; });
}

}  // namespace

Value with_defaults(Value run, int cores) {
  for (const auto& [section, type] : kDefaultTypes) add_missing(run, std::string(section) + ": " + std::string(type));
  for (const auto& [section, type] : kDefaultTypes)
    if (Value& value = *run.find(section); value.kind == Value::Kind::kMap)
      add_missing(value, "type: " + std::string(type));
  complete_split(run, std::max(1, cores - 1));
  if (Value* test = run.find("test")) complete_split(*test, 0);
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
