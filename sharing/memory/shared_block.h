#pragma once

#include <cstddef>
#include <memory>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/shared_heap.h"

namespace millrace {

/// A piece of shared memory that several processes read and write in place. Sending one sends no bytes: the receiver's
/// block is the same memory. The memory is recycled once no process and no message has it any more, whoever died in
/// between (memory/shared_heap.h says how).
///
/// A handle: copies are the same block. Thread-safe like a std::shared_ptr; what is written into the memory is the
/// users' business. Costs no descriptor of its own; a message carries one for each segment that its blocks lie in.
class SharedBlock {
 public:
  SharedBlock() = default;

  /// A new block. REQUIRES: bytes > 0. Throws OutOfSharedMemory or SyscallError.
  static SharedBlock allocate(size_t bytes, Backing backing = Backing::kMemfd) {
    return SharedBlock(SharedHeap::instance().allocate(bytes, backing));
  }

  std::byte* data() const { return use_->data(); }
  size_t size() const { return use_ ? use_->bytes() : 0; }
  explicit operator bool() const { return use_ != nullptr; }

  /// Whether another process or a message has the block. Once that is false for a block that this process allocated, it
  /// stays false until this process sends the block again. Throws SyscallError. REQUIRES: not empty.
  bool used_elsewhere() const { return SharedHeap::instance().used_elsewhere(*use_); }

  /// Sends the block. REQUIRES: not empty.
  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  explicit SharedBlock(std::shared_ptr<const BlockUse> use) : use_(std::move(use)) {}

  std::shared_ptr<const BlockUse> use_;
};

}  // namespace millrace
