#include "millrace/loader/engine/slot_memory.h"

#include <utility>

#include "millrace/loader/device/pinning.h"

namespace millrace {

SlotMemory::SlotMemory(SlotLayout layout, size_t slots, std::shared_ptr<cuda::DeviceArena> device)
    : layout_(std::move(layout)),
      arena_(std::make_shared<Arena>(slots, layout_.slot_bytes(), "use a smaller batch_size, prefetch or held")),
      device_arena_(std::move(device)) {}

void SlotMemory::serve_devices(c10::Device device, LoaderStats& stats) {
  auto pinning = pin(*arena_, device);
  gate_ = std::move(pinning.gate);
  pinned_ = pinning.bytes > 0;
  stats.pinned_bytes = pinning.bytes;
  stats.pin_error = std::move(pinning.error);
}

DeviceMemory SlotMemory::device_memory(size_t slot, const std::shared_ptr<Lease>& lease) const {
  if (!device_arena_) return {};
  using Owners = std::pair<std::shared_ptr<cuda::DeviceArena>, std::shared_ptr<Lease>>;
  return {device_arena_->device(), device_arena_->slot(slot), device_arena_->slot_bytes(),
          std::make_shared<Owners>(device_arena_, lease)};
}

void SlotMemory::guard(Delivery& delivery, size_t slot) const {
  delivery.guarded = {gate_, slot};
  delivery.pinned = pinned_;
}

const std::vector<size_t>& SlotMemory::take_returned() {
  returned_.clear();
  arena_->take_returned(returned_);
  return returned_;
}

}  // namespace millrace
