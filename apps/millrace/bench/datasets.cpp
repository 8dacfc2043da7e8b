#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/synthetic.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/build.h"

namespace millrace::apps {
namespace {

void refuse_transforms(const std::optional<configs::Node>& transforms) {
  if (transforms) throw transforms->error("are for pictures; remove them for this type of dataset");
}

Filled open_filled(const configs::Node& dataset, const std::optional<configs::Node>& transforms) {
  refuse_transforms(transforms);
  configs::Section keys(dataset);
  keys.find("type");
  const auto size = keys.get<int64_t>("size");
  const auto dtype = keys.choice<c10::ScalarType>(
      "dtype",
      {{"uint8", c10::ScalarType::Byte}, {"int64", c10::ScalarType::Long}, {"float32", c10::ScalarType::Float}},
      c10::ScalarType::Float);
  auto shape = keys.get<std::vector<int64_t>>("shape");
  keys.finish();
  return configs::build_at(dataset, [&] { return Filled(size, dtype, std::move(shape)); });
}

Rows open_rows(const configs::Node& dataset, const std::optional<configs::Node>& transforms) {
  refuse_transforms(transforms);
  configs::Section keys(dataset);
  keys.find("type");
  const auto size = keys.get<int64_t>("size");
  const auto width = keys.get<int64_t>("width");
  const auto seed = keys.get<uint64_t>("seed", 0);
  keys.finish();
  return configs::build_at(dataset, [&] { return Rows(size, width, seed); });
}

}  // namespace

void add_bench_datasets(configs::DatasetTypes& types) { types.add("filled", open_filled).add("rows", open_rows); }

}  // namespace millrace::apps
