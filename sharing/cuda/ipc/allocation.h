#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/cuda/ipc/transport.h"
#include "millrace/sharing/cuda/vmm.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/sync/process_identity.h"

namespace millrace::cuda {

/// A process that owns device memory which others may have open.
struct Producer {
  multiprocessing::detail::ProcessIdentity identity;
  PidFd pidfd;

  bool is_alive() const { return !pidfd.wait_ended(std::chrono::nanoseconds(0)); }
};

/// Tells allocations apart for good. An address may be used again for another allocation, but that has another buffer
/// id.
struct AllocationKey {
  pid_t pid = 0;
  uint64_t start_time = 0;
  api::DevicePtr base = 0;
  uint64_t bytes = 0;
  uint64_t buffer_id = 0;

  auto operator<=>(const AllocationKey&) const = default;
};

/// Device memory as its producer lets others open it: one allocation of cudaMalloc(), of which torch's allocator makes
/// many storages, or those neighbouring pieces of cuMemCreate() that one storage lies in.
struct Allocation {
  std::shared_ptr<const Producer> producer;
  int device = 0;  ///< The number it has in this process.
  Transport transport = Transport::kLegacyHandle;
  api::DevicePtr base = 0;  ///< The address in the producer.
  uint64_t bytes = 0;
  uint64_t buffer_id = 0;
  api::IpcMemHandle handle{};  ///< The handle of a kLegacyHandle allocation.

  AllocationKey key() const { return {producer->identity.pid, producer->identity.start_time, base, bytes, buffer_id}; }
};

/// An allocation that this process has, as its producer or opened, and can send.
struct HeldAllocation : Allocation {
  std::vector<DeviceSegment> pieces;  ///< The pieces of a kDescriptors allocation.
};

/// An allocation that came in a message and is not open yet.
struct ReceivedAllocation : Allocation {
  std::vector<uint64_t> piece_bytes;
  std::vector<OwnedFd> piece_fds;
};

/// The allocation that a storage's memory, at `data`, lies in, and the memory's offset in it. Throws
/// std::invalid_argument for memory that other processes cannot open, CudaError.
std::pair<std::shared_ptr<const HeldAllocation>, uint64_t> find_allocation(int device, const void* data,
                                                                           uint64_t bytes);

/// Sends an allocation. It travels once in a message, with its descriptors, and so does its producer, with one.
void save_allocation(EncodeArchive& archive, const std::shared_ptr<const HeldAllocation>& allocation);
std::shared_ptr<const ReceivedAllocation> load_allocation(DecodeArchive& archive);

/// Another process's allocation, mapped at an address of this one. Move-only; destroying it closes the allocation.
class OpenAllocation {
 public:
  /// Opens the allocation. Throws CudaError.
  explicit OpenAllocation(const ReceivedAllocation& received);
  OpenAllocation(OpenAllocation&&) noexcept = default;
  OpenAllocation& operator=(OpenAllocation&&) noexcept = default;

  api::DevicePtr address() const;

  /// The allocation, to be sent on.
  const std::shared_ptr<const HeldAllocation>& allocation() const { return allocation_; }

 private:
  class LegacyMapping {
   public:
    LegacyMapping(int device, const api::IpcMemHandle& handle);
    LegacyMapping(LegacyMapping&& other) noexcept
        : device_(other.device_), address_(std::exchange(other.address_, 0)) {}
    LegacyMapping& operator=(LegacyMapping&& other) noexcept {
      std::swap(device_, other.device_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~LegacyMapping();

    api::DevicePtr address() const { return address_; }

   private:
    int device_;
    api::DevicePtr address_ = 0;
  };

  std::shared_ptr<const HeldAllocation> allocation_;
  std::variant<MappedDeviceSegment, LegacyMapping> mapping_;
};

}  // namespace millrace::cuda
