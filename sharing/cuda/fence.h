#pragma once

#include <vector>

#include "millrace/sharing/cuda/stream.h"

namespace millrace::cuda {

/// A fence is passed when all work is done that some streams of a device had at a certain moment. Not thread-safe.
///
/// A stream that captures a graph at that moment cannot take an event: the fence asks again until the capture has
/// ended, and stands behind what the stream has by then. When the driver has no events left the fence waits for the
/// stream, once.
class Fence {
 public:
  /// A fence behind the present work of `streams`; nullptr is the device's default stream. Throws CudaUnavailable,
  /// CudaError.
  Fence(int device, const std::vector<api::Stream>& streams);

  /// Whether the work is done. Does not wait. Work that failed counts as done: the context is lost, nothing in it reads
  /// memory any more. Throws as the constructor when a capture has ended; it may be asked again.
  bool passed();

  int device() const { return device_; }

 private:
  void record();

  int device_;
  std::vector<Event> events_;
  std::vector<api::Stream> unrecorded_;  // Streams that capture.
};

}  // namespace millrace::cuda
