#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// What a block of shared memory is made of.
enum class Backing {
  kMemfd,   ///< Anonymous memory of sealed size, bounded by the machine's memory or the cgroup's limit.
  kDevShm,  ///< A nameless file on /dev/shm, bounded by the size of that file system as well.
};

class BlockUse;

/// This process's shared memory: the blocks that it makes for others, and the blocks of other processes that it uses.
/// Blocks are cut out of few large segments, so that 10,000 of them cost a few descriptors.
///
/// Note [Who uses a block]. Only the process that made a segment cuts blocks out of it, and it gives a block out again
/// when nobody can read it any more. Who may read it is written nowhere but in the kernel, as read locks on the block's
/// bytes (os/range_lock.h):
///   - a process that uses somebody else's block has locked it with its own opening of the segment;
///   - a message that a block travels in carries an opening of its own that has locked it, the *ticket*; it is let go
///     after the receiver has locked the block for itself, or by the kernel when the message is lost;
///   - before fork(), each used block is locked with an opening that only the child keeps.
/// So a user always takes a new lock before an old one goes, and "nobody but me has it locked" is final.
///
/// If a process dies here, at any instruction, the kernel drops its locks. The blocks that it used become free; the
/// blocks that it made live on while others use them. Shared memory holds payload only, so there is nothing to repair.
///
/// Thread safety: any thread may call anything, also across fork().
class SharedHeap {
 public:
  /// The heap of this process. Never destroyed, because tensors in static variables may outlive everything else.
  static SharedHeap& instance();

  /// A fresh block, 64-byte aligned, whose memory is there and whose content is unspecified. REQUIRES: bytes > 0.
  /// Throws OutOfSharedMemory or SyscallError.
  std::shared_ptr<const BlockUse> allocate(size_t bytes, Backing backing);

  /// A ticket for a message with blocks of `use`'s segment, each of which BlockUse::lock_for() locks for it.
  OwnedFd open_ticket(const BlockUse& use) const;

  /// The block that a ticket arrived for; if this process uses it already, the same object. Throws DecodeError when
  /// there is no such block. The ticket has to stay open until this returns.
  std::shared_ptr<const BlockUse> import(const OwnedFd& ticket, uint64_t offset, uint64_t bytes);

  /// Whether another process or a message has locked the block. Throws SyscallError.
  bool used_elsewhere(const BlockUse& use) const;

  /// The amount of memory, for tests and diagnostics.
  struct Counts {
    size_t own_segments = 0;       ///< Segments made here; each costs a descriptor.
    size_t borrowed_segments = 0;  ///< Segments of other processes; each costs a descriptor.
    size_t own_bytes = 0;          ///< Bytes of own segments.
    size_t used_blocks = 0;        ///< Blocks that this process uses.
    size_t returned_blocks = 0;    ///< Blocks that this process is done with, others perhaps not.
    size_t lost_blocks = 0;        ///< Blocks never given out again, because a child may use them.
  };
  Counts counts() const;

  struct Segment;

 private:
  friend class BlockUse;
  using SegmentId = std::pair<dev_t, ino_t>;
  using SegmentPtr = std::shared_ptr<Segment>;
  struct Place;

  SharedHeap();

  std::shared_ptr<const BlockUse> start_use(const SegmentPtr& segment, uint64_t offset, uint64_t bytes);
  void end_use(const BlockUse& use) noexcept;

  SegmentPtr add_segment(size_t bytes, Backing backing);
  SegmentPtr add_pool(size_t bytes, Backing backing);
  SegmentPtr borrow(const OwnedFd& ticket);
  Place find_room(size_t bytes, Backing backing);
  void reclaim(size_t bytes, size_t limit);
  void drop_empty(size_t keep_bytes);
  void rest();

  void before_fork();
  void after_fork_in_parent();
  void after_fork_in_child();

  mutable std::mutex mutex_;  // Protects all that follows.
  std::map<SegmentId, SegmentPtr> segments_;

  // Blocks of own segments that this process has ceased to use, oldest first. An entry may be out of date: the block
  // may be in use again, or free, so it only says where to look.
  std::deque<std::pair<std::weak_ptr<Segment>, uint64_t>> returned_;
  uint64_t rests_ = 0;
};

/// The right to use one block in this process, which ends with the object. Immutable.
class BlockUse {
 public:
  BlockUse(std::shared_ptr<SharedHeap::Segment> segment, uint64_t offset, uint64_t bytes)
      : segment_(std::move(segment)), offset_(offset), bytes_(bytes) {}
  BlockUse(const BlockUse&) = delete;
  BlockUse& operator=(const BlockUse&) = delete;
  ~BlockUse();

  std::byte* data() const;
  uint64_t bytes() const { return bytes_; }
  uint64_t offset() const { return offset_; }  ///< Where it is in its segment.

  /// An address that tells segments apart, as long as some block of theirs is in use.
  const void* segment() const { return segment_.get(); }

  /// Locks the block for the opening behind `ticket`, which is one of the block's segment.
  void lock_for(const OwnedFd& ticket) const;

 private:
  friend class SharedHeap;

  std::shared_ptr<SharedHeap::Segment> segment_;
  uint64_t offset_;
  uint64_t bytes_;
};

}  // namespace millrace
