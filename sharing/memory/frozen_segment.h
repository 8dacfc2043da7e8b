#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "millrace/sharing/memory/segment.h"

namespace millrace {

/// Shared memory that is written once and then only read: a table of paths, of labels, of rows. Neither its maker nor
/// its receiver can write to it any more, by no mapping and no call. Its seals travel with it, and the receiver asks
/// for them.
///
/// A hostile maker may have kept a mapping from before. So values that the receiver checked on arrival are checked
/// again where they are used.
///
/// A handle: copies share the memory, which goes with the last of them in the last process. Any thread may read.
class FrozenSegment {
 public:
  FrozenSegment() = default;

  /// Memory of `bytes` bytes, which `fill` writes; what `fill` throws passes. For 0 bytes there is no memory, and
  /// `fill` is not called. `label` and `knob` are those of SharedSegment::create(). Throws OutOfSharedMemory,
  /// SyscallError.
  static FrozenSegment make(const std::string& label, size_t bytes, const std::string& knob,
                            const std::function<void(std::byte*)>& fill);

  /// Takes over a descriptor that came from another process. Throws std::runtime_error if the memory is not frozen, or
  /// as SharedSegment::adopt().
  static FrozenSegment adopt(OwnedFd fd);

  const std::byte* data() const { return memory_ ? memory_->mapped.data() : nullptr; }
  size_t size() const { return memory_ ? memory_->mapped.size() : 0; }
  explicit operator bool() const { return memory_ != nullptr; }

  /// The descriptor, to be sent. REQUIRES: there is memory.
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
