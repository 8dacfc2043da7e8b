#pragma once

#include <chrono>

namespace millrace::apps {

/// What durations are measured with.
using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace millrace::apps
