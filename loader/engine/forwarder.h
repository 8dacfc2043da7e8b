#pragma once

#include <c10/core/Device.h>

#include <cstddef>

#include "millrace/loader/engine/completion.h"
#include "millrace/loader/engine/deliveries.h"
#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/device_stage.h"
#include "millrace/loader/stats.h"

namespace millrace {

/// Brings batches to the device, for loaders with device() whose workers make CPU tensors: each in its turn, and the
/// copies of those behind it begin before theirs. Used by the loader's thread.
class Forwarder {
 public:
  /// Copies of at most `prefetch` batches begin early, of loaders with so many slots.
  Forwarder(c10::Device device, size_t slots, size_t prefetch, const Deliveries& deliveries,
            const Completion& completion)
      : stage_(device, slots), prefetch_(prefetch), deliveries_(deliveries), completion_(completion) {}

  /// Throws std::logic_error while the current stream captures a CUDA graph; see DeviceCopy.
  void require_no_capture() const { stage_.require_no_capture(); }

  /// Turns what was lent of a slot into a delivery on the device, and counts it. Throws as DeviceCopy; the batch is
  /// lost then.
  void bring(size_t slot, Delivery& delivery, LoaderStats& stats);

  /// The slot's batch is not wanted any more.
  void drop(size_t slot) { stage_.drop(slot); }

 private:
  void copy_ahead();

  DeviceStage stage_;
  const size_t prefetch_;
  const Deliveries& deliveries_;
  const Completion& completion_;
};

}  // namespace millrace
