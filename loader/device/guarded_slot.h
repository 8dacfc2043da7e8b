#pragma once

#include <cstddef>
#include <memory>

namespace millrace {

class SlotGate;

/// The slot that some columns lie in, and its gate. Columns without a gate lie in memory of no slot.
struct GuardedSlot {
  std::shared_ptr<SlotGate> gate;
  size_t slot = 0;
};

}  // namespace millrace
