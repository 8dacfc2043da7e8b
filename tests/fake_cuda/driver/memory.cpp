#include "millrace/tests/fake_cuda/driver/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "millrace/tests/fake_cuda/driver/host_memory.h"
#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/machine.h"
#include "millrace/tests/fake_cuda/driver/streams.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"

namespace fake_cuda {
namespace {

std::atomic<unsigned long long> allocations = 0;

}  // namespace

AddressSpace& address_space() {
  static auto* const space = new AddressSpace;  // Used until the very end of the process.
  return *space;
}

std::map<DevicePtr, Range>::iterator AddressSpace::find(DevicePtr address) {
  auto after = ranges.upper_bound(address);
  if (after == ranges.begin()) return ranges.end();
  const auto at = std::prev(after);
  return address - at->first < at->second.bytes ? at : ranges.end();
}

void AddressSpace::add(DevicePtr address, Range range) {
  static std::atomic<unsigned long long> last_id = 0;
  range.id = ++last_id;
  ranges.emplace(address, range);
}

bool is_accessible(DevicePtr address, size_t bytes) {
  auto& space = address_space();
  const std::lock_guard lock(space.mutex);
  // Mappings beside each other are as good as one.
  const DevicePtr end = address + bytes;
  while (true) {
    const auto range = space.find(address);
    if (range == space.ranges.end() || !range->second.accessible) return false;
    address = range->first + range->second.bytes;
    if (address >= end) return true;
  }
}

bool reserve_memory(size_t bytes) {
  const auto wanted = static_cast<long long>(bytes);
  if (counters.device_bytes.fetch_add(wanted) + wanted <= knobs.memory_bytes) return true;
  return_memory(bytes);
  return false;
}

void return_memory(size_t bytes) { counters.device_bytes -= static_cast<long long>(bytes); }

void* map_file(int fd, size_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  return with_context([&](int) {
    *total = static_cast<size_t>(knobs.memory_bytes);
    *free = *total - static_cast<size_t>(counters.device_bytes);
    return kSuccess;
  });
}

Result cuMemAlloc_v2(DevicePtr* address, size_t bytes) {
  return with_context([&](int device) -> Result {
    if (const Result result = safe_under_capture()) return result;
    if (bytes == 0) return kInvalidValue;
    if (!reserve_memory(bytes)) return kOutOfMemory;
    Range range{.bytes = bytes, .device = device, .legacy_capable = true};
    range.number = ++allocations;
    const int fd = ::open(file_of(this_process(), range.number).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void* const memory = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? map_file(fd, bytes) : nullptr;
    if (fd >= 0) ::close(fd);
    if (!memory) return kOperatingSystem;
    *address = address_of(memory);
    const std::lock_guard lock(address_space().mutex);
    address_space().add(*address, range);
    return kSuccess;
  });
}

Result cuMemFree_v2(DevicePtr address) {
  return with_context([&](int) -> Result {
    if (const Result result = safe_under_capture()) return result;
    auto& space = address_space();
    std::unique_lock lock(space.mutex);
    const auto found = space.ranges.find(address);
    if (found == space.ranges.end() || found->second.number == 0) return kInvalidValue;
    const Range range = found->second;
    lock.unlock();
    wait_for_device(range.device);
    lock.lock();
    space.ranges.erase(address);
    if (range.exported) std::memset(pointer(address), kPoison, range.bytes);
    ::munmap(pointer(address), range.bytes);
    ::unlink(file_of(this_process(), range.number).c_str());
    return_memory(range.bytes);
    return kSuccess;
  });
}

Result cuMemGetAddressRange_v2(DevicePtr* base, size_t* bytes, DevicePtr address) {
  return with_context([&](int) -> Result {
    auto& space = address_space();
    const std::lock_guard lock(space.mutex);
    const auto found = space.find(address);
    if (found == space.ranges.end()) return kNotFound;
    if (base) *base = found->first;
    if (bytes) *bytes = found->second.bytes;
    return kSuccess;
  });
}

Result cuPointerGetAttribute(void* value, int attribute, DevicePtr address) {
  constexpr unsigned kHost = 1;
  constexpr unsigned kDevice = 2;
  return with_context([&](int current) -> Result {
    auto& space = address_space();
    const std::lock_guard lock(space.mutex);
    const auto found = space.find(address);
    const bool is_device = found != space.ranges.end();
    if (!is_device && !is_registered(pointer(address), 1)) return kInvalidValue;
    switch (attribute) {
      case kPointerMemoryType:
        *static_cast<unsigned*>(value) = is_device ? kDevice : kHost;
        return kSuccess;
      case kPointerDeviceOrdinal:
        *static_cast<int*>(value) = is_device ? found->second.device : current;
        return kSuccess;
      case kPointerBufferId:
        *static_cast<unsigned long long*>(value) = is_device ? found->second.id : 0;
        return kSuccess;
      case kPointerIsLegacyCudaIpcCapable:
        *static_cast<int*>(value) = is_device && found->second.legacy_capable && knobs.legacy_ipc;
        return kSuccess;
      case kPointerAllowedHandleTypes:
        *static_cast<unsigned long long*>(value) = is_device ? found->second.handle_types : 0;
        return kSuccess;
      default:
        return kInvalidValue;
    }
  });
}

}  // namespace fake_cuda
