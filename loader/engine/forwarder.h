#pragma once

#include <c10/core/Device.h>

#include <cstddef>

#include "millrace/loader/engine/completion.h"
#include "millrace/loader/engine/deliveries.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/device_stage.h"
#include "millrace/loader/stats.h"

namespace millrace {

/// Brings batches to the device, each in its turn, for loaders with device() whose workers make CPU tensors. The copies
/// of the batches behind begin before their turn. Used by the loader's thread.
class Forwarder {
 public:
  /// Begins copies of at most `prefetch` batches early, for a loader with so many slots.
  Forwarder(c10::Device device, size_t slots, size_t prefetch, const Deliveries& deliveries,
            const Completion& completion)
      : stage_(device, slots), prefetch_(prefetch), deliveries_(deliveries), completion_(completion) {}

  /// Throws std::logic_error while the current stream captures a CUDA graph; see DeviceCopy.
  void require_no_capture() const { stage_.require_no_capture(); }

  /// Turns the delivery of a lent slot into one on the device, and counts it. Throws as DeviceCopy; the batch is lost
  /// then.
  void bring(size_t slot, Delivery& delivery, LoaderStats& stats);

  /// Gives up the copy of the slot's batch, which is not wanted any more.
  void drop(size_t slot) { stage_.drop(slot); }

 private:
  void copy_ahead();

  DeviceStage stage_;
  const size_t prefetch_;
  const Deliveries& deliveries_;
  const Completion& completion_;
};

}  // namespace millrace
