#include "millrace/showing/pipelines.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/configs/tables/training_keys.h"
#include "millrace/configs/value.h"
#include "millrace/showing/overview.h"

namespace millrace::showing {
namespace {

using configs::Node;
using configs::Value;

void remove(Value& map, std::string_view key) {
  std::erase_if(map.members, [&](const configs::Member& member) { return member.key == key; });
}

// In the section of a dataset and in those of its parts.
void remove_everywhere(Value& section, std::string_view key) {
  remove(section, key);
  for (configs::Member& member : section.members) remove_everywhere(member.value, key);
  for (Value& element : section.elements) remove_everywhere(element, key);
}

uint64_t seed_of(const Node& run) {
  const auto seed = run.find("seed");
  return seed ? configs::read<uint64_t>(*seed) : configs::tables::Run().seed;
}

// What describes the data, without an order.
Value data_of(const Node& pipeline) {
  Value data = pipeline.value();
  std::erase_if(data.members, [](const configs::Member& member) {
    constexpr std::array<std::string_view, 4> kKept{"dataset", "transforms", "collate", "loader"};
    return std::find(kKept.begin(), kKept.end(), member.key) == kKept.end();
  });
  return data;
}

Node without_errors(Value data, std::vector<std::string> settings) {
  for (const char* setting : {"loader.shuffle=false", "loader.drop_last=false", "loader.on_error=skip",
                              "loader.pin_memory=false", "loader.in_order=true", "loader.empty_batches=left_out"})
    settings.emplace_back(setting);
  return configs::load(std::move(data), settings);
}

}  // namespace

RunData data_of_run(const Node& run, Part part, const configs::DatasetTypes& types,
                    const configs::TransformTypes& transforms) {
  return {part == Part::kTrain ? run : run["test"], &types, transforms, seed_of(run), part};
}

bool has_transforms(const RunData& source) { return source.types->takes_transforms(source.pipeline["dataset"]); }

Node plain_pipeline(const RunData& source, const std::vector<std::string>& settings) {
  return without_errors(data_of(source.pipeline), settings);
}

Node overview_pipeline(const RunData& source, int side, const std::vector<std::string>& settings) {
  Value data = data_of(source.pipeline);
  remove(data, "transforms");
  // An overview has values of 8 bits, and is one of both pictures of a pair.
  for (const char* key : {"pixel_type", "color_changes"}) remove_everywhere(*data.find("dataset"), key);
  std::vector<std::string> all = settings;
  all.push_back("transforms=[overview: {side: " + std::to_string(side) + "}]");
  return without_errors(std::move(data), std::move(all));
}

configs::DatasetTypes overview_types(const RunData& source) {
  configs::DatasetTypes types = *source.types;
  configs::TransformTypes transforms = source.transforms;
  return types.transforms(std::move(transforms.add<Overview>()));
}

}  // namespace millrace::showing
