#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "millrace/loader/device/device_copy.h"
#include "millrace/loader/engine/delivery.h"

namespace millrace {

/// Batches of a loader with device() on their way to it. The copies of complete batches begin before their turn, so
/// that they run beside the work on the batch before. Used by the loader's thread.
class DeviceStage {
 public:
  DeviceStage(c10::Device device, size_t slots);

  c10::Device device() const { return device_; }

  /// Whether the slot's batch is on its way.
  bool has(size_t slot) const { return copies_[slot].has_value(); }

  /// Begins to copy a batch that is not delivered yet; drop() gives that up. Where the copy cannot be begun, as when
  /// the device has no memory left, nothing happens: deliver() will throw if that lasts.
  void start(size_t slot, Delivery batch);
  void drop(size_t slot) { copies_[slot].reset(); }

  /// Turns a delivery of host memory into one on the device, and lets go of its slot. The thread's current stream waits
  /// for the copy. Throws as DeviceCopy; the batch is lost then.
  void deliver(size_t slot, Delivery& delivery);

  /// Throws std::logic_error while the current stream captures a CUDA graph; see DeviceCopy.
  void require_no_capture() const;

 private:
  c10::Device device_;
  std::vector<std::optional<DeviceCopy>> copies_;  // By slot.
};

}  // namespace millrace
