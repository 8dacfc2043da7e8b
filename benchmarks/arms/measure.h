#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>

namespace millrace::benchmarks {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// User and system time of this process, in seconds, for all threads.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct PerBatch {
  double seconds;
  double cpu_seconds;
};

/// The cost of one call of `next`, measured over `window_s` seconds, after `warm_batches` calls and at least one second
/// of warm-up.
template <class Next>
PerBatch measure(Next next, double window_s, int64_t warm_batches) {
  auto start = std::chrono::steady_clock::now();
  for (int64_t taken = 0; taken < warm_batches || seconds_since(start) < 1; ++taken) next();
  const double cpu = cpu_seconds();
  start = std::chrono::steady_clock::now();
  int64_t taken = 0;
  double elapsed = 0;
  do {
    next();
    ++taken;
    elapsed = seconds_since(start);
  } while (elapsed < window_s);
  const auto batches = static_cast<double>(taken);
  return {elapsed / batches, (cpu_seconds() - cpu) / batches};
}

}  // namespace millrace::benchmarks
