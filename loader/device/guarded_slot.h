#pragma once

#include <cstddef>
#include <memory>

namespace millrace {

class SlotGate;

/// Which slot some columns lie in, and its gate; without a gate they lie in memory of no slot.
struct GuardedSlot {
  std::shared_ptr<SlotGate> gate;
  size_t slot = 0;
};

}  // namespace millrace
