#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "millrace/sharing/memory/segment.h"

namespace millrace {

/// Shared memory that is written once and then only read: a table of paths, of labels, of rows. Neither who gets it nor
/// its maker can write to it any more, by no mapping and no call; the seals travel with it and are asked for when it
/// comes.
///
/// What was checked when it came is checked again where it is used all the same: a hostile maker may have kept a
/// mapping from before.
///
/// A handle: copies share the memory, which goes with the last of them in the last process. Any thread may read.
class FrozenSegment {
 public:
  FrozenSegment() = default;

  /// Of `bytes` bytes, which `fill` writes; what it throws passes. None, and `fill` is not called, for 0 bytes. `label`
  /// and `knob` as for SharedSegment::create(). Throws OutOfSharedMemory, SyscallError.
  static FrozenSegment make(const std::string& label, size_t bytes, const std::string& knob,
                            const std::function<void(std::byte*)>& fill);

  /// Takes over a descriptor that came from another process. Throws std::runtime_error if it is not frozen, or as
  /// SharedSegment::adopt().
  static FrozenSegment adopt(OwnedFd fd);

  const std::byte* data() const { return memory_ ? memory_->mapped.data() : nullptr; }
  size_t size() const { return memory_ ? memory_->mapped.size() : 0; }
  explicit operator bool() const { return memory_ != nullptr; }

  /// To send it. REQUIRES: there is memory.
  int fd() const { return memory_->segment.fd(); }

 private:
  struct Memory {
    SharedSegment segment;
    MappedSegment mapped;
  };

  explicit FrozenSegment(SharedSegment segment);

  std::shared_ptr<const Memory> memory_;
};

}  // namespace millrace
