#include "millrace/tests/fake_cuda/driver/host_memory.h"

#include <map>
#include <mutex>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/memory.h"
#include "millrace/tests/fake_cuda/driver/streams.h"

namespace fake_cuda {
namespace {

struct Registered {
  std::mutex mutex;
  std::map<DevicePtr, size_t> bytes_at;
};
Registered& registered = *new Registered;  // Used until the very end of the process.

}  // namespace

bool is_registered(const void* memory, size_t bytes) {
  const std::lock_guard lock(registered.mutex);
  const DevicePtr begin = address_of(memory);
  const auto after = registered.bytes_at.upper_bound(begin);
  if (after == registered.bytes_at.begin()) return false;
  const auto& [start, length] = *std::prev(after);
  return begin + bytes <= start + length;
}

Result cuMemHostRegister_v2(void* memory, size_t bytes, unsigned) {
  return with_context([&](int) -> Result {
    if (const Result result = safe_under_capture()) return result;
    if (!memory || bytes == 0) return kInvalidValue;
    const std::lock_guard lock(registered.mutex);
    const DevicePtr begin = address_of(memory);
    for (const auto& [start, length] : registered.bytes_at)
      if (begin < start + length && start < begin + bytes) return kHostMemoryAlreadyRegistered;
    if (counters.registered_bytes + static_cast<long long>(bytes) > knobs.pin_fails_after_bytes) return kOutOfMemory;
    registered.bytes_at.emplace(begin, bytes);
    counters.registered_bytes += static_cast<long long>(bytes);
    return kSuccess;
  });
}

Result cuMemHostUnregister(void* memory) {
  return with_context([&](int) -> Result {
    if (const Result result = safe_under_capture()) return result;
    const std::lock_guard lock(registered.mutex);
    const auto found = registered.bytes_at.find(address_of(memory));
    if (found == registered.bytes_at.end()) return kHostMemoryNotRegistered;
    counters.registered_bytes -= static_cast<long long>(found->second);
    registered.bytes_at.erase(found);
    return kSuccess;
  });
}

}  // namespace fake_cuda
