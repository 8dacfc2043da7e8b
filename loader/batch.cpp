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

Batch::Batch(Delivery delivery)
    : indices_(std::move(delivery.indices)), size_(delivery.samples), epoch_(delivery.epoch) {
  if (delivery.packed) {
    columns_ = unpack_value<Columns>(*std::move(delivery.packed));
    return;
  }
  const auto& fields = delivery.spec->fields;
  columns_.reserve(fields.size());
  for (size_t f = 0; f < fields.size(); ++f)
    columns_.append(fields[f].name,
                    view(delivery.slot + delivery.layout->field_offset(f), fields[f], size_, delivery.lease));
}

const at::Tensor& Batch::field(size_t number) const {
  if (number >= columns_.size())
    throw std::out_of_range("the batch has no field number " + std::to_string(number) + "; it has " +
                            to_string(columns_));
  return columns_.tensor(number);
}

}  // namespace millrace
