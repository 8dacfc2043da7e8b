#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"

namespace millrace::multiprocessing::detail {

/// The shared memory of one synchronisation object as this process has it mapped: one descriptor, which travels, and
/// one mapping, however often it arrives here: a mutex must be unlocked at the address at which it was locked.
/// Thread-safe.
///
/// A block that is destroyed while a thread of this process holds a mutex in it stays mapped until the process ends:
/// the C library would otherwise write to memory that is gone, and so the next owner still learns of that end.
class SyncMemory {
 public:
  /// `label` names it in /proc/PID/maps. The memory is zero.
  static std::shared_ptr<SyncMemory> create(const char* label, size_t bytes);

  /// A block that came from another process. Throws DecodeError when it is smaller than `bytes`.
  static std::shared_ptr<SyncMemory> receive(DecodeArchive& archive, size_t bytes);

  void send(EncodeArchive& archive) const { archive.attach(segment_.fd()); }

  /// Called by create() and receive() alone. `inode` is the segment's.
  SyncMemory(SharedSegment segment, ino_t inode);
  SyncMemory(const SyncMemory&) = delete;
  SyncMemory& operator=(const SyncMemory&) = delete;
  ~SyncMemory();

  std::byte* data() const { return memory_.data(); }
  size_t bytes() const { return memory_.size(); }

  /// The State at the block's beginning. REQUIRES: State fits, and creator and receiver name the same type.
  template <class State>
  State& as() const {
    return *std::launder(reinterpret_cast<State*>(data()));
  }

  /// Counts the mutexes in this block that threads of this process hold.
  void pin() { pinned_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() { pinned_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  SharedSegment segment_;
  MappedSegment memory_;
  ino_t inode_;
  std::atomic<int> pinned_ = 0;
};

/// A new block with a State at its beginning and `more` bytes behind it.
template <class State, class... Arguments>
std::shared_ptr<SyncMemory> create_memory(const char* label, size_t more, const Arguments&... arguments) {
  auto block = SyncMemory::create(label, sizeof(State) + more);
  ::new (block->data()) State(arguments...);
  return block;
}

}  // namespace millrace::multiprocessing::detail
