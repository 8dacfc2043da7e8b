#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/device/guarded_slot.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/slot_layout.h"

namespace millrace {

/// A complete batch as it comes out of the loader's engine, before it is anything to the user: rows of a slot, or a
/// packed value.
struct Delivery {
  std::shared_ptr<const SampleSpec> spec;
  std::vector<int64_t> indices;  ///< Of its samples; none from streams.
  int64_t epoch = 0;
  int64_t samples = 0;

  // Rows.
  std::shared_ptr<void> owner;  ///< Of what `slot` points to: the lease of a slot, or other memory.
  const SlotLayout* layout = nullptr;
  std::byte* slot = nullptr;

  // Or packed: its tensors keep what they lie in alive.
  std::optional<PackedBatch> packed;
  bool came_by_message = false;  ///< It was larger than a slot.
  bool kept = false;             ///< It lies in KeptMemory.

  // Where devices may read it: from which slot, if from one, and whether that is pinned.
  GuardedSlot guarded;
  bool pinned = false;

  // Or already on a device, and none of the above.
  std::optional<Columns> on_device;
};

/// Its columns: views of the slot, of whatever the packed value lies in, or on a device. Takes the packed value
/// out of it. Throws DecodeError for one that is no columns.
Columns columns_of(Delivery& delivery);

}  // namespace millrace
