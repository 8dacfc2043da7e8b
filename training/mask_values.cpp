#include "millrace/training/mask_values.h"

#include "millrace/sharing/os/whole_number.h"
#include "millrace/training/each_dataset.h"

namespace millrace::training {

bool has_masks(const configs::Value& dataset) {
  const configs::Value* type = dataset.find("type");
  const configs::Value* mask = dataset.find("mask");
  if (type == nullptr) return false;
  return type->text == "image_masks" || (type->text == "image_manifest" && mask != nullptr && !mask->text.empty());
}

const configs::Value* find_mask_values(const configs::Value& dataset) {
  const configs::Value* said = nullptr;
  for_each_dataset(dataset, [&](const configs::Value& section) {
    if (said == nullptr && has_masks(section)) said = section.find("mask_values");
  });
  return said;
}

std::vector<int64_t> mask_values_of(const configs::Value& run) {
  const configs::Value* const dataset = run.find("dataset");
  const configs::Value* const said = dataset != nullptr ? find_mask_values(*dataset) : nullptr;
  if (said == nullptr) return {};
  std::vector<int64_t> values;
  for (const configs::Value& element : said->elements)
    if (const auto value = millrace::detail::whole_number<int64_t>(element.text)) values.push_back(*value);
  return values;
}

}  // namespace millrace::training
