#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>

#include "millrace/loader/device/slot_gate.h"
#include "millrace/sharing/memory/arena.h"

namespace millrace {

/// Whether there is a CUDA device for which pinned memory is faster. Initialises the driver.
bool can_pin_memory();

/// What became of pin_memory().
struct Pinning {
  std::shared_ptr<SlotGate> gate;  ///< The gate of slots that devices read; null without a driver.
  uint64_t bytes = 0;              ///< Bytes that are page-locked.
  std::string error;               ///< Why no memory is page-locked, though it should be.
};

/// Pins the arena for all devices, through the context of `device` or, when that is the CPU, of torch's current device.
/// A failure is a notice: everything goes on with pageable memory, which devices read through the driver's staging
/// buffers. The arena sees to it that its memory is unpinned, behind the last copy, before it is unmapped.
Pinning pin(Arena& arena, c10::Device device);

}  // namespace millrace
