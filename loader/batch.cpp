#include "millrace/loader/batch.h"

#include <ATen/ops/from_blob.h>

#include <stdexcept>

namespace millrace {
namespace {

// The tensor's storage keeps the lease alive, and with it slot and mapping.
at::Tensor view(std::byte* data, const FieldSpec& field, int64_t rows, const std::shared_ptr<Lease>& lease) {
  c10::SmallVector<int64_t, 6> sizes = {rows};
  sizes.append(field.shape.begin(), field.shape.end());
  return at::for_blob(data, sizes)
      .context(new std::shared_ptr<Lease>(lease), [](void* held) { delete static_cast<std::shared_ptr<Lease>*>(held); })
      .options(at::TensorOptions(field.dtype))
      .make_tensor();
}

}  // namespace

Batch::Batch(std::shared_ptr<const SampleSpec> spec, const SlotLayout& layout, std::byte* slot,
             std::shared_ptr<Lease> lease, std::vector<int64_t> indices, int64_t epoch)
    : spec_(std::move(spec)), indices_(std::move(indices)), epoch_(epoch) {
  fields_.reserve(spec_->fields.size());
  for (size_t f = 0; f < spec_->fields.size(); ++f)
    fields_.push_back(view(slot + layout.field_offset(f), spec_->fields[f], size(), lease));
}

const at::Tensor& Batch::operator[](std::string_view name) const {
  for (size_t f = 0; f < fields_.size(); ++f)
    if (spec_->fields[f].name == name) return fields_[f];
  throw std::out_of_range("the batch has no field '" + std::string(name) + "'; it has " + to_string(*spec_));
}

const at::Tensor& Batch::field(size_t number) const {
  if (number >= fields_.size())
    throw std::out_of_range("the batch has no field number " + std::to_string(number) + "; it has " +
                            to_string(*spec_));
  return fields_[number];
}

}  // namespace millrace
