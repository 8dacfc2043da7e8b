#pragma once

#include <vector>

#include "millrace/sharing/cuda/stream.h"

namespace millrace::cuda {

/// Passed when all work is done that some streams of a device had at a certain moment. Not thread-safe.
///
/// A stream that captures a graph then cannot take an event: the fence asks again until the capture has ended, and
/// stands behind what the stream has by then. When the driver has no events left it waits for the stream, once.
class Fence {
 public:
  /// nullptr is the device's default stream. Throws CudaUnavailable, CudaError.
  Fence(int device, const std::vector<api::Stream>& streams);

  /// Does not wait. Work that failed counts as done: the context is lost, nothing in it reads memory any more. Throws
  /// as the constructor when a capture has ended; it may be asked again.
  bool passed();

  int device() const { return device_; }

 private:
  void record();

  int device_;
  std::vector<Event> events_;
  std::vector<api::Stream> unrecorded_;  // They capture.
};

}  // namespace millrace::cuda
