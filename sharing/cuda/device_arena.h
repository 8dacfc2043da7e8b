#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/sharing/cuda/vmm.h"

namespace millrace::cuda {

/// Memory of one device cut into equal slots, which one process owns and others write into. Who may use which slot is
/// said elsewhere: this is the memory alone.
///
/// If a process dies here: the owner's slots keep their bytes when a writer dies, and a writer's when the owner does.
/// What a dead process had in flight on the device may be written for some time yet.
///
/// Thread safety: any thread, once the first slot() has returned.
class DeviceArena {
 public:
  /// What lies in a slot begins at multiples of this, as what torch's allocator gives does.
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

  /// A new one; slot_bytes is rounded up to kAlignment. `knob` says in errors what the user can turn down. Throws
  /// CudaError when the memory is not there or cannot be shared; CudaUnavailable.
  DeviceArena(int device, size_t slots, size_t slot_bytes, const std::string& knob);

  /// Another process's. Nothing of CUDA is touched before its device() or a slot() is asked for, which may then throw
  /// CudaError or CudaUnavailable: a process that does not need the device gets no context there.
  DeviceArena(const Shape& shape, OwnedFd fd) : shape_(shape), fd_(std::move(fd)) {}

  const Shape& shape() const { return shape_; }
  size_t slot_bytes() const { return shape_.slot_bytes; }

  /// The owner's.
  int fd() const { return fd_.get(); }

  /// The number that its device has in this process.
  int device() { return mapped().device(); }

  api::DevicePtr slot(size_t index) { return mapped().address() + index * shape_.slot_bytes; }

 private:
  const MappedDeviceSegment& mapped();

  Shape shape_;
  OwnedFd fd_;
  std::optional<MappedDeviceSegment> mapped_;
};

}  // namespace millrace::cuda
