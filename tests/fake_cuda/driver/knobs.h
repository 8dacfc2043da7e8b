#pragma once

#include <atomic>
#include <limits>

/// What tests turn and read; fake_cuda.h says what each means.
namespace fake_cuda {

constexpr long long kNoLimit = std::numeric_limits<long long>::max();

#define FAKE_CUDA_KNOBS(X)           \
  X(devices, 1)                      \
  X(driver_version, 13000)           \
  X(init_result, 0)                  \
  X(memory_bytes, 1ll << 30)         \
  X(copy_delay_us, 0)                \
  X(pin_fails_after_bytes, kNoLimit) \
  X(event_limit, kNoLimit)           \
  X(vmm, 1)                          \
  X(legacy_ipc, 1)                   \
  X(double_open_fails, 0)            \
  X(exporter_death, 0)               \
  X(teardown_delay_ms, 0)            \
  X(nvrtc_result, 0)

#define FAKE_CUDA_COUNTERS(X) \
  X(device_bytes, 0)          \
  X(open_imports, 0)          \
  X(mapped_handles, 0)        \
  X(registered_bytes, 0)      \
  X(events, 0)                \
  X(streams, 0)               \
  X(host_to_device_copies, 0) \
  X(host_to_device_bytes, 0)  \
  X(last_copy_source, 0)      \
  X(invalidated_captures, 0)

#define FAKE_CUDA_MEMBER(name, value) std::atomic<long long> name = value;
struct Knobs {
  FAKE_CUDA_KNOBS(FAKE_CUDA_MEMBER)
};
struct Counters {
  FAKE_CUDA_COUNTERS(FAKE_CUDA_MEMBER)
};
#undef FAKE_CUDA_MEMBER

inline Knobs knobs;
inline Counters counters;

enum ExporterDeath : long long { kBytesSurvive = 0, kBytesPoisoned = 1, kCannotBeOpened = 2 };

}  // namespace fake_cuda
