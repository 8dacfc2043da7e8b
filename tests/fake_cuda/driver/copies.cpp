#include <cstring>
#include <memory>
#include <vector>

#include "millrace/tests/fake_cuda/driver/host_memory.h"
#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/memory.h"
#include "millrace/tests/fake_cuda/driver/streams.h"

namespace fake_cuda {
namespace {

using Bytes = std::vector<unsigned char>;

// Reads late: whoever changed or freed the source too early is found out.
std::function<void()> late_copy(void* to, const void* from, size_t bytes) {
  return [=] {
    delay(knobs.copy_delay_us);
    std::memcpy(to, from, bytes);
  };
}

// Memory that is not registered is read before the call returns, into a staging buffer.
std::function<void()> staged_copy(void* to, const void* from, size_t bytes) {
  const auto* const begin = static_cast<const unsigned char*>(from);
  return [=, staged = std::make_shared<Bytes>(begin, begin + bytes)] {
    delay(knobs.copy_delay_us);
    std::memcpy(to, staged->data(), bytes);
  };
}

void count_copy(const void* from, size_t bytes) {
  ++counters.host_to_device_copies;
  counters.host_to_device_bytes += static_cast<long long>(bytes);
  counters.last_copy_source = static_cast<long long>(address_of(from));
}

}  // namespace

Result cuMemcpyHtoDAsync_v2(DevicePtr to, const void* from, size_t bytes, Stream stream) {
  return with_context([&](int) -> Result {
    if (bytes == 0) return kSuccess;
    if (!from || !is_accessible(to, bytes)) return kInvalidValue;
    count_copy(from, bytes);
    const auto copy = is_registered(from, bytes) ? late_copy : staged_copy;
    return enqueue(stream, copy(pointer(to), from, bytes));
  });
}

Result cuMemcpyDtoHAsync_v2(void* to, DevicePtr from, size_t bytes, Stream stream) {
  return with_context([&](int) -> Result {
    if (bytes == 0) return kSuccess;
    if (!to || !is_accessible(from, bytes)) return kInvalidValue;
    // Memory that is not registered has the bytes when the call returns.
    const auto put = is_registered(to, bytes) ? enqueue : enqueue_and_wait;
    return put(stream, late_copy(to, pointer(from), bytes));
  });
}

Result cuMemcpyDtoDAsync_v2(DevicePtr to, DevicePtr from, size_t bytes, Stream stream) {
  return with_context([&](int) -> Result {
    if (bytes == 0) return kSuccess;
    if (!is_accessible(to, bytes) || !is_accessible(from, bytes)) return kInvalidValue;
    return enqueue(stream, late_copy(pointer(to), pointer(from), bytes));
  });
}

Result cuMemcpyHtoD_v2(DevicePtr to, const void* from, size_t bytes) {
  if (const Result result = cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr)) return result;
  return cuStreamSynchronize(nullptr);
}

Result cuMemcpyDtoH_v2(void* to, DevicePtr from, size_t bytes) {
  if (const Result result = cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr)) return result;
  return cuStreamSynchronize(nullptr);
}

}  // namespace fake_cuda
