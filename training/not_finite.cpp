#include "millrace/training/not_finite.h"

#include <ATen/ops/isfinite.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <span>
#include <variant>

#include "millrace/sharing/os/counted.h"

namespace millrace::training {

std::string NotFinite::text() const {
  if (samples == 0) return "";
  return counted(samples, "sample") + (samples == 1 ? " has" : " have") + " NaN or infinite numbers" +
         (first.empty() ? "" : ", the first is " + first);
}

void NotFiniteSearch::add(const Batch& batch) {
  at::Tensor are_finite;
  for (const Column& column : batch.columns()) {
    const auto* const tensor = std::get_if<at::Tensor>(&column.value);
    if (tensor == nullptr || !at::isFloatingType(tensor->scalar_type()) || batch.size() == 0) continue;
    if (tensor->dim() == 0 || tensor->size(0) != batch.size()) continue;  // Not a row for each sample.
    const auto finite = at::isfinite(*tensor).reshape({batch.size(), -1}).all(1);
    are_finite = are_finite.defined() ? are_finite.logical_and(finite) : finite;
  }
  if (are_finite.defined()) looked_.push_back({are_finite, batch.indices()});
}

NotFinite NotFiniteSearch::found(const Split& split) const {
  NotFinite found;
  for (const Looked& looked : looked_) {
    const auto are_finite = looked.are_finite.cpu();
    const std::span each(are_finite.const_data_ptr<bool>(), static_cast<size_t>(are_finite.numel()));
    for (size_t place = 0; place < each.size(); ++place)
      if (!each[place] && ++found.samples == 1) found.first = sample_text(looked.indices, place, split);
  }
  return found;
}

}  // namespace millrace::training
