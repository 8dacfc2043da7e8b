#include "millrace/loader/engine/device_stage.h"

#include <exception>
#include <stdexcept>
#include <utility>

namespace millrace {

DeviceStage::DeviceStage(c10::Device device, size_t slots) : device_(device), copies_(slots) {}

void DeviceStage::start(size_t slot, Delivery batch) {
  const GuardedSlot guarded = batch.guarded;
  try {
    copies_[slot].emplace(columns_of(batch), device_, guarded);
  } catch (const std::exception&) {
  }
}

void DeviceStage::deliver(size_t slot, Delivery& delivery) {
  auto copy = std::exchange(copies_[slot], std::nullopt);
  if (!copy) copy.emplace(columns_of(delivery), device_, delivery.guarded);
  delivery.on_device = (*std::move(copy)).take();
  delivery.owner.reset();
  delivery.packed.reset();
  delivery.guarded = {};
  delivery.pinned = false;
}

void DeviceStage::require_no_capture() const {
  if (captures_graph(device_))
    throw std::logic_error(
        "a loader with device() cannot give a batch while the device's current stream captures a CUDA graph: every "
        "replay would copy from memory that other batches have taken by then. Take the batch before the capture");
}

}  // namespace millrace
