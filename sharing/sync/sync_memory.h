#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"

namespace millrace::multiprocessing::detail {

/// A segment of shared memory that holds one synchronisation object or many, as this process has it mapped. It has one
/// descriptor, which travels, and one mapping, however often it arrives here: a mutex must be unlocked at the address
/// at which it was locked. Thread-safe.
///
/// A segment that is destroyed while a thread of this process holds a mutex in it stays mapped until the process ends:
/// the C library would otherwise write to memory that is gone, and so the next owner still learns of that end.
class SyncSegment {
 public:
  /// Makes the object of a segment; called by the table of segments alone. `inode` is the segment's.
  SyncSegment(SharedSegment segment, ino_t inode);
  SyncSegment(const SyncSegment&) = delete;
  SyncSegment& operator=(const SyncSegment&) = delete;
  ~SyncSegment();

  int fd() const { return segment_.fd(); }
  std::span<std::byte> memory() const { return {memory_.data(), memory_.size()}; }

  void pin() { pinned_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() { pinned_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  SharedSegment segment_;
  MappedSegment memory_;
  ino_t inode_;
  std::atomic<int> pinned_ = 0;
};

/// The shared memory of one synchronisation object. Small objects that a process makes lie together in segments of its
/// own, one behind the other, so that a thousand of them cost some descriptors and not a thousand. A place is never
/// used twice, since an object may still be on its way to some process. A segment's memory is free when nobody has an
/// object in it any more; so an object that lives long keeps some 64 KiB to 1 MiB.
///
/// A process can write to the objects that it is sent, and to what lies beside them: those who share a lock trust each
/// other. Thread-safe.
class SyncMemory {
 public:
  /// The most bytes of an object that lies in a segment with others.
  static constexpr size_t kMostTogether = size_t{128} << 10;

  /// A new block. `label` names a segment of its own in /proc/PID/maps. The memory is zero and begins at a multiple of
  /// 64.
  static std::shared_ptr<SyncMemory> create(const char* label, size_t bytes);

  /// A new block in a segment of its own, for memory that its users index by themselves.
  static std::shared_ptr<SyncMemory> create_apart(const char* label, size_t bytes);

  /// A block that came from another process. Throws DecodeError when it is smaller than `bytes`.
  static std::shared_ptr<SyncMemory> receive(DecodeArchive& archive, size_t bytes);

  /// Sends the block: attaches its segment's descriptor, once a message.
  void send(EncodeArchive& archive) const;

  SyncMemory(std::shared_ptr<SyncSegment> segment, std::span<std::byte> memory)
      : segment_(std::move(segment)), memory_(memory) {}

  std::byte* data() const { return memory_.data(); }
  size_t bytes() const { return memory_.size(); }

  /// The State at the block's beginning. REQUIRES: State fits, and creator and receiver name the same type.
  template <class State>
  State& as() const {
    return *std::launder(reinterpret_cast<State*>(data()));
  }

  /// Counts the mutexes that threads of this process hold in this block's segment.
  void pin() { segment_->pin(); }
  void unpin() { segment_->unpin(); }

 private:
  std::shared_ptr<SyncSegment> segment_;
  std::span<std::byte> memory_;
};

/// Makes a State at the beginning of a new block.
template <class State, class... Arguments>
std::shared_ptr<SyncMemory> with_state(std::shared_ptr<SyncMemory> block, const Arguments&... arguments) {
  static_assert(alignof(State) <= 64);
  ::new (block->data()) State(arguments...);
  return block;
}

/// Makes a State at the beginning of a new block, with `more` bytes behind it.
template <class State, class... Arguments>
std::shared_ptr<SyncMemory> create_memory(const char* label, size_t more, const Arguments&... arguments) {
  return with_state<State>(SyncMemory::create(label, sizeof(State) + more), arguments...);
}

}  // namespace millrace::multiprocessing::detail
