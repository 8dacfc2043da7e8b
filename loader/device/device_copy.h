#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <optional>

#include "millrace/loader/columns.h"
#include "millrace/loader/device/guarded_slot.h"
#include "millrace/sharing/cuda/fence.h"

namespace millrace {

/// The CUDA device with its number; where `device` has none, torch's current one. Throws std::invalid_argument for a
/// device of another kind or one that does not exist, CudaUnavailable without a driver or without torch's CUDA part.
c10::Device require_cuda(c10::Device device);

/// True while this thread's current stream on the device captures a CUDA graph. REQUIRES: require_cuda(device).
bool captures_graph(c10::Device device);

/// Columns on their way to a device. Their tensors are copied, lists of tensors too; strings stay.
///
/// The copies run on the gate's copy stream, straight from the slot, behind what the current stream had to do when the
/// memory for them was taken from torch's allocator. Without a gate nothing would keep the source in place, so then
/// they run on the current stream and the constructor waits for them.
///
/// Not thread-safe: for the thread that made it alone.
class DeviceCopy {
 public:
  /// Begins to copy. Throws std::logic_error while the current stream captures a graph, which would copy from the
  /// slot's address at every replay, whatever lies there by then. Throws what torch's allocator throws, and CudaError.
  DeviceCopy(const Columns& source, c10::Device device, const GuardedSlot& slot);
  DeviceCopy(DeviceCopy&&) = default;
  DeviceCopy& operator=(DeviceCopy&&) = delete;

  /// Gives up what was not taken: its memory is used again only when nothing is written to it any more.
  ~DeviceCopy();

  /// The columns on the device. The thread's current stream waits for the copies, this thread does not.
  Columns take() &&;

  /// Waits in this thread until everything is on the device.
  void wait() const { copied_.wait(); }

 private:
  void start(const Columns& source, cuda::api::Stream stream);

  c10::Device device_;
  c10::Stream allocated_on_;
  cuda::Event copied_;  // Recorded behind the copies.
  Columns columns_;     // Empty when taken.
};

/// The driver's handle of a stream of torch's. Throws as require_cuda().
cuda::api::Stream native_stream(c10::Stream stream);

/// Whether any tensor of the columns is on a CUDA device.
bool any_on_device(const Columns& columns);

/// Tells torch's allocator that `stream` uses the columns' memory on the device.
void record_stream(const Columns& columns, c10::Stream stream);

}  // namespace millrace
