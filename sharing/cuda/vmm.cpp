#include "millrace/sharing/cuda/vmm.h"

#include <fcntl.h>

#include <cstdint>
#include <string>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace::cuda {
namespace {

void require_shareable(int device) {
  const bool mappable = attribute_of(device, api::kDeviceVirtualMemoryManagementSupported) != 0;
  if (mappable && attribute_of(device, api::kDeviceHandleTypePosixFdSupported) != 0) return;
  throw CudaError(api::kNotSupported,
                  "CUDA device " + std::to_string(device) + " cannot share memory by descriptor (" +
                      (mappable ? "no POSIX handles" : "no virtual memory management") +
                      ", as on WSL and some virtual GPUs): let workers make CPU tensors and copy the batches to the "
                      "device in the trainer");
}

api::MemAllocationProp shareable_on(int device) {
  api::MemAllocationProp prop{};
  prop.type = api::kMemAllocationTypePinned;
  prop.requested_handle_types = api::kMemHandleTypePosixFd;
  prop.location = {api::kMemLocationTypeDevice, device};
  return prop;
}

std::string mib(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

[[noreturn]] void throw_out_of_memory(int device, size_t bytes, const std::string& knob) {
  size_t free = 0;
  size_t total = 0;
  MILLRACE_CUDA(mem_get_info, &free, &total);
  throw CudaError(api::kOutOfMemory, mib(bytes) + " of shared memory were asked of CUDA device " +
                                         std::to_string(device) + ", of whose " + mib(total) + " " + mib(free) +
                                         " are free: " + knob);
}

}  // namespace

DeviceSegment DeviceSegment::create(int device, size_t bytes, const std::string& knob) {
  require_shareable(device);
  const CurrentContext context(device);
  const auto prop = shareable_on(device);
  size_t granularity = 0;
  MILLRACE_CUDA(mem_get_allocation_granularity, &granularity, &prop, api::kMemGranularityMinimum);
  bytes = round_up(bytes, granularity);
  api::AllocationHandle handle = 0;
  const api::Result result = Driver::get().entry().mem_create(&handle, bytes, &prop, 0);
  if (result == api::kOutOfMemory) throw_out_of_memory(device, bytes, knob);
  if (result != api::kSuccess) detail::throw_cuda_error(result, "mem_create(" + mib(bytes) + ")");
  return {device, handle, bytes};
}

DeviceSegment DeviceSegment::adopt(int device, size_t bytes, const OwnedFd& fd) {
  const CurrentContext context(device);
  api::AllocationHandle handle = 0;
  void* const shareable = reinterpret_cast<void*>(static_cast<intptr_t>(fd.get()));
  MILLRACE_CUDA(mem_import_from_shareable_handle, &handle, shareable, api::kMemHandleTypePosixFd);
  return {device, handle, bytes};
}

DeviceSegment DeviceSegment::at(int device, api::DevicePtr address, size_t bytes) {
  const CurrentContext context(device);
  api::AllocationHandle handle = 0;
  MILLRACE_CUDA(mem_retain_allocation_handle, &handle, reinterpret_cast<void*>(address));
  return {device, handle, bytes};
}

DeviceSegment::~DeviceSegment() {
  if (bytes_ == 0) return;
  if (const Driver* driver = Driver::find()) driver->entry().mem_release(handle_);
}

OwnedFd DeviceSegment::export_fd() const {
  int fd = -1;
  MILLRACE_CUDA(mem_export_to_shareable_handle, &fd, handle_, api::kMemHandleTypePosixFd, 0);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return OwnedFd(fd);
}

MappedDeviceSegment::MappedDeviceSegment(std::span<const DeviceSegment> segments) : device_(segments.front().device()) {
  size_t bytes = 0;
  for (const auto& segment : segments) bytes += segment.bytes();
  const CurrentContext context(device_);
  MILLRACE_CUDA(mem_address_reserve, &address_, bytes, 0, 0, 0);
  reserved_ = bytes;
  try {
    for (const auto& segment : segments) {
      MILLRACE_CUDA(mem_map, address_ + mapped_, segment.bytes(), 0, segment.handle(), 0);
      mapped_ += segment.bytes();
    }
    const api::MemAccessDesc access{{api::kMemLocationTypeDevice, device_}, api::kMemAccessReadWrite};
    MILLRACE_CUDA(mem_set_access, address_, bytes, &access, 1);
  } catch (...) {
    unmap();
    throw;
  }
}

MappedDeviceSegment::~MappedDeviceSegment() {
  if (reserved_ == 0 || !Driver::find()) return;
  try {
    const CurrentContext context(device_);
    MILLRACE_CUDA(ctx_synchronize);
  } catch (const std::runtime_error&) {
    // The context is lost or the process is ending: nothing is at work in it.
  }
  unmap();
}

void MappedDeviceSegment::unmap() noexcept {
  const auto& entry = Driver::find()->entry();
  if (mapped_ != 0) entry.mem_unmap(address_, mapped_);
  entry.mem_address_free(address_, reserved_);
}

}  // namespace millrace::cuda
