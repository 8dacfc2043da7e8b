#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::cuda {

/// Memory of a device as a handle that may travel to another process (send its descriptor). It has no address; see
/// MappedDeviceSegment. Move-only; any thread may use it.
///
/// The memory lives as long as any handle, descriptor or mapping of it, in whatever process: a process that dies lets
/// go of its own and takes nothing from the others.
class DeviceSegment {
 public:
  DeviceSegment() = default;

  /// New memory of at least `bytes` bytes, rounded up to what the device allocates at once (2 MiB on today's). `knob`
  /// says in errors what the user can turn down. Throws CudaError when the memory is not there, or when the device
  /// cannot share it by descriptor; CudaUnavailable.
  static DeviceSegment create(int device, size_t bytes, const std::string& knob);

  /// Memory that another process exported. Its device, under the number that it has here, and its bytes() come by
  /// message. The descriptor may be closed afterwards. Throws CudaError, CudaUnavailable.
  static DeviceSegment adopt(int device, size_t bytes, const OwnedFd& fd);

  /// The memory that this process has mapped at `address`, as PyTorch's expandable segments do. Throws CudaError for
  /// memory that was not made by cuMemCreate().
  static DeviceSegment at(int device, api::DevicePtr address, size_t bytes);

  DeviceSegment(DeviceSegment&& other) noexcept
      : device_(other.device_), handle_(std::exchange(other.handle_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceSegment& operator=(DeviceSegment&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceSegment();

  /// A new descriptor of the memory. Throws CudaError, also for memory that others made and not to be shared so.
  OwnedFd export_fd() const;

  int device() const { return device_; }
  size_t bytes() const { return bytes_; }
  api::AllocationHandle handle() const { return handle_; }
  explicit operator bool() const { return bytes_ != 0; }

 private:
  DeviceSegment(int device, api::AllocationHandle handle, size_t bytes)
      : device_(device), handle_(handle), bytes_(bytes) {}

  int device_ = 0;
  api::AllocationHandle handle_ = 0;
  size_t bytes_ = 0;
};

/// Segments at an address of this process, for the device to read and write. Stays valid after the DeviceSegment is
/// gone. Move-only; any thread may use the memory.
class MappedDeviceSegment {
 public:
  MappedDeviceSegment() = default;
  explicit MappedDeviceSegment(const DeviceSegment& segment) : MappedDeviceSegment(std::span(&segment, 1)) {}

  /// Maps segments of one device, each directly behind the one before. REQUIRES: at least one. Throws CudaError.
  explicit MappedDeviceSegment(std::span<const DeviceSegment> segments);

  MappedDeviceSegment(MappedDeviceSegment&& other) noexcept { *this = std::move(other); }
  MappedDeviceSegment& operator=(MappedDeviceSegment&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(address_, other.address_);
    std::swap(reserved_, other.reserved_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }

  /// Waits for all work of the device's context, as cudaFree() does, since some of it may use the memory.
  ~MappedDeviceSegment();

  int device() const { return device_; }
  api::DevicePtr address() const { return address_; }
  size_t bytes() const { return mapped_; }

 private:
  void unmap() noexcept;

  int device_ = 0;
  api::DevicePtr address_ = 0;
  size_t reserved_ = 0;
  size_t mapped_ = 0;  // Bytes mapped, from the address on.
};

}  // namespace millrace::cuda
