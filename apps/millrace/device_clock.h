#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "millrace/sharing/cuda/driver_api.h"

namespace millrace::apps {

/// Tells when a CUDA device came to places in its streams' work, on the host's clock. Not thread-safe.
class DeviceClock {
 public:
  using Clock = std::chrono::steady_clock;
  using Mark = size_t;

  explicit DeviceClock(int device);
  DeviceClock(const DeviceClock&) = delete;
  DeviceClock& operator=(const DeviceClock&) = delete;
  ~DeviceClock();

  /// Marks a place behind all work that the stream, of this device, has so far.
  Mark mark(cuda::api::Stream stream);

  /// When the device came to a mark. Waits until it has. Throws cuda::CudaError when the device's work failed.
  Clock::time_point time_of(Mark mark) const;

  /// Forgets all marks.
  void clear();

 private:
  cuda::api::Event make_event() const;

  int device_;
  cuda::api::Event origin_;
  Clock::time_point origin_time_;
  std::vector<cuda::api::Event> marks_;
};

}  // namespace millrace::apps
