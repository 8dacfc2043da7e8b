#include "millrace/loader/engine/delivery.h"

#include <c10/util/SmallVector.h>

#include <utility>

#include "millrace/sharing/tensor/tensor_view.h"

namespace millrace {
namespace {

// The tensor's storage keeps the owner alive, and with it slot and mapping.
at::Tensor view(std::byte* data, const FieldSpec& field, int64_t rows, const std::shared_ptr<void>& owner) {
  c10::SmallVector<int64_t, 6> sizes = {rows};
  sizes.append(field.shape.begin(), field.shape.end());
  return tensor_view(data, sizes, field.dtype, c10::kCPU, owner);
}

}  // namespace

Columns columns_of(Delivery& delivery) {
  if (delivery.on_device) return *std::move(delivery.on_device);
  if (delivery.packed && delivery.packed->value.empty()) return {};  // No samples: nobody has made columns.
  if (delivery.packed) return unpack_value<Columns>(*std::move(delivery.packed));
  const auto& fields = delivery.spec->fields;
  Columns columns;
  columns.reserve(fields.size());
  for (size_t f = 0; f < fields.size(); ++f) {
    const auto rows = delivery.kept
                          ? std::move(delivery.kept_rows[f])
                          : KeptMemory::Block{delivery.slot + delivery.layout->field_offset(f), delivery.owner};
    columns.append(fields[f].name, view(rows.data, fields[f], delivery.samples, rows.owner));
  }
  return columns;
}

}  // namespace millrace
