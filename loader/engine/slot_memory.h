#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/device/slot_gate.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/stats.h"
#include "millrace/sharing/cuda/device_arena.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/slot_layout.h"

namespace millrace {

/// The memory of a loader's slots: the arena, the device memory beside it where workers make CUDA tensors, and the gate
/// where devices read it. Lends slots, and says which have come home and which nobody reads any more. Used by the
/// loader's thread; leases go home from any thread.
class SlotMemory {
 public:
  /// Makes the memory. `device` has as many slots, or is null. Throws OutOfSharedMemory.
  SlotMemory(SlotLayout layout, size_t slots, std::shared_ptr<cuda::DeviceArena> device);

  /// Pins the memory for `device` and guards its slots; writes to `stats` what came of it. To be called once, after the
  /// start of the workers: those that are forked off this process are then free of CUDA.
  void serve_devices(c10::Device device, LoaderStats& stats);

  const SlotLayout& layout() const { return layout_; }
  std::byte* slot(size_t slot) const { return arena_->slot(slot); }
  std::span<SampleTicket> tickets(size_t slot) const { return layout_.tickets(arena_->slot(slot)); }
  std::span<std::byte> body(size_t slot) const { return layout_.body(arena_->slot(slot)); }

  Arena& arena() const { return *arena_; }
  cuda::DeviceArena* device_arena() const { return device_arena_.get(); }

  // --- lending ---

  /// The right to read the slot. While it lives, take_returned() does not give the slot.
  std::shared_ptr<Lease> lend(size_t slot) const { return std::make_shared<Lease>(arena_, slot); }

  /// The device memory of a slot; its tensors keep the lease. There is none by default.
  DeviceMemory device_memory(size_t slot, const std::shared_ptr<Lease>& lease) const;

  /// Notes in a delivery that lies in the slot how devices may read it.
  void guard(Delivery& delivery, size_t slot) const;

  /// The slots that came home since the last call. Valid until the next one.
  const std::vector<size_t>& take_returned();

  // --- where devices read ---

  bool is_read_by_devices() const { return gate_ != nullptr; }

  /// Notes that the slot has come home: nobody queues work on it any more.
  void close(size_t slot) { gate_->close(slot); }

  /// Whether all work that reads the slot is done. REQUIRES: close(slot).
  bool passed(size_t slot) { return gate_->passed(slot); }

  /// Whether a graph is being captured that may read a slot which has come home.
  bool waits_for_capture() { return gate_->waits_for_capture(); }

  /// The stream of DataLoaderBase::copy_stream(). Null where no device reads.
  cuda::api::Stream copy_stream(int device) { return gate_ ? gate_->copy_stream(device) : nullptr; }

 private:
  const SlotLayout layout_;
  std::shared_ptr<Arena> arena_;
  std::shared_ptr<cuda::DeviceArena> device_arena_;
  std::shared_ptr<SlotGate> gate_;
  bool pinned_ = false;
  std::vector<size_t> returned_;
};

}  // namespace millrace
