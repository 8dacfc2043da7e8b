#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/sharing/cuda/driver_api.h"

/// A test's hand on the fake driver that this process runs on.
///
/// The fake (libfake_cuda.so, in driver/) has the C symbols of NVIDIA's driver. Its device memory is shared mappings of
/// files, which this process reads and writes at the device pointer; its streams are threads; what the real driver
/// refuses it refuses too. MILLRACE_CUDA_DRIVER names it, which millrace_fake_cuda_test() sets.
///
/// Knobs are read from MILLRACE_FAKE_CUDA="key=value,key=value" when the library is loaded, so they reach children, and
/// can be changed at any time by set(), in this process alone:
///
///   devices (1), driver_version (13000), init_result (0)     what cuInit finds
///   memory_bytes (1 GiB)            of device memory that this process can allocate
///   copy_delay_us (0)               an asynchronous copy reads its source that long after its turn has come
///   pin_fails_after_bytes (none)    host memory that can be registered
///   event_limit (none)              events that can exist
///   vmm (1), legacy_ipc (1)         0: not supported
///   double_open_fails (0)           1: a handle opened twice by one process gives CUDA_ERROR_ALREADY_MAPPED
///   exporter_death (0)              what a process's death does to its exported cuMemAlloc memory, as seen from this
///                                   process: 0 nothing, 1 fills it with kPoison, 2 it cannot be opened any more, open
///                                   mappings live on
///   teardown_delay_ms (0)           how long after the death
///   nvrtc_result (0)                what compiling CUDA C++ gives, where MILLRACE_NVRTC names the fake too
///
/// Counters: device_bytes, open_imports, mapped_handles, registered_bytes, events, streams (things that exist now),
/// host_to_device_copies, host_to_device_bytes, last_copy_source (an address), invalidated_captures.
///
/// Not as in the real one: the default stream waits for no other stream, and streams that capture take no work at all.
namespace fake_cuda {

namespace api = millrace::cuda::api;

/// What freed exported memory, and memory of dead processes when asked for, is filled with.
constexpr unsigned char kPoison = 0xDD;

void set(const std::string& knob, long long value);
long long get(const std::string& knob);
long long count(const std::string& counter);

/// A knob turned for the life of the object.
class Setting {
 public:
  Setting(std::string knob, long long value) : knob_(std::move(knob)), before_(get(knob_)) { set(knob_, value); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() { set(knob_, before_); }

 private:
  std::string knob_;
  long long before_;
};

/// Begins or ends a graph capture on a stream.
void capture(api::Stream stream, bool on);

/// What the fake runs, on the stream's thread, for a kernel of that name in any module. `parameters` point at copies of
/// the arguments, of the sizes registered.
using Kernel = void (*)(const unsigned grid[3], const unsigned block[3], void** parameters);
void register_kernel(const std::string& name, Kernel kernel, const std::vector<size_t>& parameter_bytes);

}  // namespace fake_cuda
