#pragma once

#include <atomic>
#include <chrono>

namespace millrace::cuda {

inline std::atomic<std::chrono::milliseconds> drain_timeout{std::chrono::seconds(10)};

/// Has this process wait at its end, at most drain_timeout, until no other process has memory of it open that goes with
/// it. From then on nothing is freed or closed any more. Called by whoever exports or imports; costs nothing after the
/// first time.
void drain_at_process_end();

}  // namespace millrace::cuda
