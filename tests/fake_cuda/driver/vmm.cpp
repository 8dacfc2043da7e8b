#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/memory.h"

// Virtual memory management: physical memory is a memfd, a shareable handle its descriptor, a reservation a piece of
// this process's address space. Bytes live as long as anybody has a handle, a descriptor or a mapping.
namespace fake_cuda {
namespace {

constexpr size_t kGranularity = 2 << 20;
constexpr const char* kName = "fake_cuda_device_%d_types_%d";  // Travels with the descriptor.

bool is_whole(size_t bytes) { return bytes > 0 && bytes % kGranularity == 0; }

struct Physical {
  int fd;
  size_t bytes;
  MemAllocationProp properties;
  bool created_here;
  int references = 0;  // Handles and mappings in this process.
};

// Guarded by the address space's mutex.
struct Vmm {
  std::map<AllocationHandle, Physical> physical;
  std::map<AllocationHandle, int> handles;  // How often each has to be released.
  std::map<DevicePtr, size_t> reservations;
};
Vmm& vmm = *new Vmm;  // Used until the very end of the process.

MemAllocationProp properties_of(int device, int handle_types) {
  MemAllocationProp properties{};
  properties.type = kMemAllocationTypePinned;
  properties.requested_handle_types = handle_types;
  properties.location = {kMemLocationTypeDevice, device};
  return properties;
}

bool is_possible(const MemAllocationProp& properties) {
  return properties.type == kMemAllocationTypePinned && properties.location.type == kMemLocationTypeDevice &&
         properties.location.id >= 0 && properties.location.id < knobs.devices &&
         (properties.requested_handle_types & ~kMemHandleTypePosixFd) == 0;
}

// body() for a driver that can do it, under the lock.
template <class Body>
Result locked(const Body& body) {
  return without_context([&]() -> Result {
    if (!knobs.vmm) return kNotSupported;
    const std::lock_guard lock(address_space().mutex);
    return body();
  });
}

AllocationHandle add_handle(const Physical& physical) {
  static AllocationHandle last = 0;
  vmm.physical.emplace(++last, physical).first->second.references = 1;
  vmm.handles.emplace(last, 1);
  return last;
}

void drop_reference(AllocationHandle handle) {
  const auto found = vmm.physical.find(handle);
  if (--found->second.references > 0) return;
  ::close(found->second.fd);
  if (found->second.created_here) return_memory(found->second.bytes);
  vmm.physical.erase(found);
}

// The mappings that make up exactly [address, address + bytes); none when they do not.
std::pair<std::map<DevicePtr, Range>::iterator, std::map<DevicePtr, Range>::iterator> mappings(DevicePtr address,
                                                                                               size_t bytes) {
  auto& ranges = address_space().ranges;
  const auto begin = ranges.find(address);
  auto at = begin;
  DevicePtr reached = address;
  while (at != ranges.end() && at->first == reached && at->second.physical != 0 && reached < address + bytes) {
    reached += at->second.bytes;
    ++at;
  }
  return reached == address + bytes ? std::pair(begin, at) : std::pair(ranges.end(), ranges.end());
}

bool overlaps_mapping(DevicePtr address, size_t bytes) {
  const auto& ranges = address_space().ranges;
  const auto after = ranges.lower_bound(address + bytes);
  if (after == ranges.begin()) return false;
  const auto last = std::prev(after);
  return last->first + last->second.bytes > address;
}

bool is_reserved(DevicePtr address, size_t bytes) {
  const auto after = vmm.reservations.upper_bound(address);
  if (after == vmm.reservations.begin()) return false;
  const auto reservation = std::prev(after);
  return address + bytes <= reservation->first + reservation->second;
}

}  // namespace

Result cuMemGetAllocationGranularity(size_t* bytes, const MemAllocationProp* prop, int) {
  return locked([&]() -> Result {
    if (!is_possible(*prop)) return kInvalidValue;
    *bytes = kGranularity;
    return kSuccess;
  });
}

Result cuMemCreate(AllocationHandle* handle, size_t bytes, const MemAllocationProp* prop, unsigned long long flags) {
  return locked([&]() -> Result {
    if (!is_whole(bytes) || !is_possible(*prop) || flags != 0) return kInvalidValue;
    if (!reserve_memory(bytes)) return kOutOfMemory;
    char name[64];
    std::snprintf(name, sizeof name, kName, prop->location.id, prop->requested_handle_types);
    const int fd = ::memfd_create(name, MFD_CLOEXEC);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return kOperatingSystem;
    *handle = add_handle({.fd = fd, .bytes = bytes, .properties = *prop, .created_here = true});
    return kSuccess;
  });
}

Result cuMemRelease(AllocationHandle handle) {
  return locked([&]() -> Result {
    const auto found = vmm.handles.find(handle);
    if (found == vmm.handles.end()) return kInvalidValue;
    if (--found->second == 0) {
      vmm.handles.erase(found);
      drop_reference(handle);
    }
    return kSuccess;
  });
}

Result cuMemAddressReserve(DevicePtr* address, size_t bytes, size_t alignment, DevicePtr, unsigned long long) {
  return locked([&]() -> Result {
    if (!is_whole(bytes) || (alignment & (alignment - 1)) != 0) return kInvalidValue;
    // More than asked for, of which the aligned middle is kept.
    alignment = std::max(alignment, kGranularity);
    void* const memory =
        ::mmap(nullptr, bytes + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return kOutOfMemory;
    const DevicePtr start = address_of(memory);
    *address = (start + alignment - 1) / alignment * alignment;
    if (*address > start) ::munmap(memory, *address - start);
    ::munmap(pointer(*address + bytes), start + alignment - *address);
    vmm.reservations.emplace(*address, bytes);
    return kSuccess;
  });
}

Result cuMemAddressFree(DevicePtr address, size_t bytes) {
  return locked([&]() -> Result {
    const auto found = vmm.reservations.find(address);
    if (found == vmm.reservations.end() || found->second != bytes || overlaps_mapping(address, bytes))
      return kInvalidValue;
    ::munmap(pointer(address), bytes);
    vmm.reservations.erase(found);
    return kSuccess;
  });
}

Result cuMemMap(DevicePtr address, size_t bytes, size_t offset, AllocationHandle handle, unsigned long long flags) {
  return locked([&]() -> Result {
    if (!vmm.handles.contains(handle) || !is_whole(bytes) || offset != 0 || flags != 0) return kInvalidValue;
    auto& physical = vmm.physical.at(handle);
    if (address % kGranularity != 0 || bytes > physical.bytes || !is_reserved(address, bytes) ||
        overlaps_mapping(address, bytes))
      return kInvalidValue;
    if (::mmap(pointer(address), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, physical.fd, 0) == MAP_FAILED)
      return kMapFailed;
    ++physical.references;
    ++counters.mapped_handles;
    address_space().add(address,
                        {.bytes = bytes,
                         .device = physical.properties.location.id,
                         .accessible = false,
                         .handle_types = static_cast<unsigned long long>(physical.properties.requested_handle_types),
                         .physical = handle});
    return kSuccess;
  });
}

Result cuMemUnmap(DevicePtr address, size_t bytes) {
  return locked([&]() -> Result {
    const auto [begin, end] = mappings(address, bytes);
    if (begin == end) return kInvalidValue;
    for (auto at = begin; at != end; ++at) {
      drop_reference(at->second.physical);
      --counters.mapped_handles;
    }
    address_space().ranges.erase(begin, end);
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return ::mmap(pointer(address), bytes, PROT_NONE, kFlags, -1, 0) == MAP_FAILED ? kOperatingSystem : kSuccess;
  });
}

Result cuMemSetAccess(DevicePtr address, size_t bytes, const MemAccessDesc* access, size_t count) {
  return locked([&]() -> Result {
    const auto [begin, end] = mappings(address, bytes);
    if (begin == end || count != 1 || access->location.type != kMemLocationTypeDevice) return kInvalidValue;
    for (auto at = begin; at != end; ++at) at->second.accessible = access->flags == kMemAccessReadWrite;
    const int protection = access->flags == kMemAccessReadWrite ? PROT_READ | PROT_WRITE : PROT_NONE;
    return ::mprotect(pointer(address), bytes, protection) == 0 ? kSuccess : kOperatingSystem;
  });
}

Result cuMemExportToShareableHandle(void* shareable, AllocationHandle handle, int type, unsigned long long flags) {
  return locked([&]() -> Result {
    if (!vmm.handles.contains(handle) || flags != 0) return kInvalidValue;
    const auto& physical = vmm.physical.at(handle);
    if (type != kMemHandleTypePosixFd || !(physical.properties.requested_handle_types & type)) return kInvalidValue;
    const int fd = ::fcntl(physical.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return kOperatingSystem;
    *static_cast<int*>(shareable) = fd;
    return kSuccess;
  });
}

Result cuMemImportFromShareableHandle(AllocationHandle* handle, void* shareable, int type) {
  return locked([&]() -> Result {
    const int fd = static_cast<int>(reinterpret_cast<intptr_t>(shareable));
    char link[128] = {};
    int device = 0;
    int handle_types = 0;
    struct stat status{};
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const bool is_ours = ::readlink(path.c_str(), link, sizeof link - 1) > 0 &&
                         std::sscanf(link, ("/memfd:" + std::string(kName)).c_str(), &device, &handle_types) == 2;
    if (type != kMemHandleTypePosixFd || !is_ours || ::fstat(fd, &status) != 0) return kInvalidValue;
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return kOperatingSystem;
    *handle = add_handle({.fd = own,
                          .bytes = static_cast<size_t>(status.st_size),
                          .properties = properties_of(device, handle_types),
                          .created_here = false});
    return kSuccess;
  });
}

Result cuMemRetainAllocationHandle(AllocationHandle* handle, void* address) {
  return locked([&]() -> Result {
    const auto found = address_space().find(address_of(address));
    if (found == address_space().ranges.end() || found->second.physical == 0) return kInvalidValue;
    *handle = found->second.physical;
    if (++vmm.handles[*handle] == 1) ++vmm.physical.at(*handle).references;
    return kSuccess;
  });
}

Result cuMemGetAllocationPropertiesFromHandle(MemAllocationProp* prop, AllocationHandle handle) {
  return locked([&]() -> Result {
    if (!vmm.handles.contains(handle)) return kInvalidValue;
    *prop = vmm.physical.at(handle).properties;
    return kSuccess;
  });
}

}  // namespace fake_cuda
