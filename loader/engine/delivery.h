#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/device/guarded_slot.h"
#include "millrace/loader/engine/kept_memory.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/slot_layout.h"

namespace millrace {

/// A complete batch as the loader's engine gives it, before it gets the user's type: rows of a slot, or a packed value.
struct Delivery {
  std::shared_ptr<const SampleSpec> spec;
  std::vector<int64_t> indices;  ///< The samples' indices; none from streams.
  int64_t epoch = 0;
  int64_t samples = 0;

  // For rows: those of a slot, or copies of them.
  std::shared_ptr<void> owner;  ///< The lease of the slot.
  const SlotLayout* layout = nullptr;
  std::byte* slot = nullptr;
  std::vector<KeptMemory::Block> kept_rows;  ///< By field; none where `slot` is set.

  // For a packed value, whose tensors keep what they lie in alive.
  std::optional<PackedBatch> packed;
  bool came_by_message = false;  ///< Whether it was larger than a slot.
  bool kept = false;             ///< Whether its tensors lie in KeptMemory.

  // For memory that devices may read: its slot, if there is one, and whether it is pinned.
  GuardedSlot guarded;
  bool pinned = false;

  // For a batch that is on a device already; then none of the above is set.
  std::optional<Columns> on_device;
};

/// The delivery's columns: views of the slot or of the copies, of whatever the packed value lies in, or on a device.
/// Takes copies and packed value out of the delivery. Throws DecodeError for a value that is no columns.
Columns columns_of(Delivery& delivery);

}  // namespace millrace
