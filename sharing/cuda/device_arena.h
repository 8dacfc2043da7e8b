#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/sharing/cuda/vmm.h"

namespace millrace::cuda {

/// Memory of one device cut into equal slots, which one process owns and others write into. This class is the memory
/// alone: who may use which slot is said elsewhere.
///
/// If a process dies here: the slots keep their bytes, whether the owner dies or a writer. Work that a dead process had
/// in flight on the device may write for some time yet.
///
/// Thread safety: any thread may use it, once the first slot() has returned.
class DeviceArena {
 public:
  /// Where tensors begin in a slot: at multiples of this, as memory of torch's allocator does.
  static constexpr size_t kAlignment = 512;

  /// What another process must know of an arena, next to its descriptor.
  struct Shape {
    api::Uuid device{};
    uint64_t slots = 0;
    uint64_t slot_bytes = 0;
    uint64_t segment_bytes = 0;

    template <class Archive>
    void serialize(Archive& archive) {
      archive(device.bytes, slots, slot_bytes, segment_bytes);
    }
  };

  /// A new arena; slot_bytes is rounded up to kAlignment. `knob` says in errors what the user can turn down. Throws
  /// CudaError when the memory is not there or cannot be shared; CudaUnavailable.
  DeviceArena(int device, size_t slots, size_t slot_bytes, const std::string& knob);

  /// The arena of another process. Nothing of CUDA is touched before device() or slot() is called, which may then throw
  /// CudaError or CudaUnavailable. So a process that does not need the device gets no context there.
  DeviceArena(const Shape& shape, OwnedFd fd) : shape_(shape), fd_(std::move(fd)) {}

  const Shape& shape() const { return shape_; }
  size_t slot_bytes() const { return shape_.slot_bytes; }

  /// The descriptor, in the owner.
  int fd() const { return fd_.get(); }

  /// The number that the arena's device has in this process.
  int device() { return mapped().device(); }

  api::DevicePtr slot(size_t index) { return mapped().address() + index * shape_.slot_bytes; }

 private:
  const MappedDeviceSegment& mapped();

  Shape shape_;
  OwnedFd fd_;
  std::optional<MappedDeviceSegment> mapped_;
};

}  // namespace millrace::cuda
