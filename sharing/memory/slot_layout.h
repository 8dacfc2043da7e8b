#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace {

/// What a slot says about one of its samples: its index, and the seed of its random stream.
struct SampleTicket {
  int64_t index = 0;
  uint64_t seed = 0;

  bool operator==(const SampleTicket&) const = default;
};
static_assert(sizeof(SampleTicket) == 16);

/// Where everything is inside a slot, which holds one batch:
///
///   0                tickets    SampleTicket[batch size]
///   field_offset(0)  field 0    batch size rows of row_bytes(0), contiguous: the tensor {batch size, shape...}
///   field_offset(1)  field 1    ...
///   slot_bytes()     the next slot
///
/// Fields start at multiples of 64 bytes (what ATen asks of CPU memory), slots at whole pages, large ones at whole 2
/// MiB pages. Both sides of the process border compute the layout once, from the same two inputs; nobody else adds up
/// where a row or a field begins. An immutable value.
class SlotLayout {
 public:
  SlotLayout(size_t batch_size, std::span<const size_t> row_bytes);

  size_t batch_size() const { return batch_size_; }
  size_t field_count() const { return fields_.size(); }
  size_t slot_bytes() const { return slot_bytes_; }
  size_t field_offset(size_t field) const { return fields_[field].offset; }
  size_t row_bytes(size_t field) const { return fields_[field].row_bytes; }

  std::span<SampleTicket> tickets(std::byte* slot) const {
    return {reinterpret_cast<SampleTicket*>(slot), batch_size_};
  }
  /// The memory behind the tickets, for batches that are no rows.
  std::span<std::byte> body(std::byte* slot) const {
    return {slot + fields_[0].offset, slot_bytes_ - fields_[0].offset};
  }
  std::byte* row(std::byte* slot, size_t field, size_t sample) const {
    return slot + fields_[field].offset + sample * fields_[field].row_bytes;
  }

 private:
  struct Field {
    size_t offset = 0;
    size_t row_bytes = 0;
  };

  size_t batch_size_;
  size_t slot_bytes_ = 0;
  std::vector<Field> fields_;
};

}  // namespace millrace
