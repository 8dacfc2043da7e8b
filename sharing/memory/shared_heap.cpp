#include "millrace/sharing/memory/shared_heap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <system_error>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/free_ranges.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/range_lock.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

constexpr size_t kAlignment = 64;  // c10's for tensors on the CPU.
constexpr size_t kMiB = size_t{1} << 20;

// Blocks this large are not recycled: each is a segment of its own, whose memory goes with its last user at once.
constexpr size_t kOwnSegment = 128 * kMiB;

// A new segment is as large as a quarter of those there are, so the number of segments (and of descriptors) grows with
// the logarithm of the memory used.
constexpr size_t kSmallestPool = kMiB;
constexpr size_t kLargestPool = 1024 * kMiB;

// Empty segments above this are given back to the system.
constexpr size_t kKeptEmpty = 256 * kMiB;

// Other processes' segments that stay mapped although no block of them is in use here: the next tensor of a stream will
// most likely lie in one of them, and its pages are there already. Only while their maker lives and keeps them.
constexpr size_t kRestingSegments = 8;
constexpr size_t kRestingBytes = 256 * kMiB;

// How many returned blocks an allocation looks at before it takes fresh memory.
constexpr size_t kLookAt = 8;

// A byte far behind the end of every segment. Its lock says: the maker lives and may cut further blocks out of it.
constexpr uint64_t kMakerByte = uint64_t{1} << 62;

constexpr const char* kKnob =
    "keep fewer tensors in shared memory at a time, or raise the limit (docker: --memory, and --shm-size for the "
    "file_system strategy)";

std::pair<dev_t, ino_t> identity_of(int fd) {
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(fd, &status), fd);
  return {status.st_dev, status.st_ino};
}

// One page of a segment, mapped for nothing but to hold the opening `fd` open as long as this address space lives.
class Anchor {
 public:
  Anchor() = default;
  explicit Anchor(int fd) : page_(::mmap(nullptr, 1, PROT_NONE, MAP_SHARED, fd, 0)) {
    if (page_ == MAP_FAILED) detail::throw_syscall_error(errno, "mmap", "first page of a shared segment");
  }

  void remove() {
    if (page_ != MAP_FAILED) ::munmap(std::exchange(page_, MAP_FAILED), 1);
  }

 private:
  void* page_ = MAP_FAILED;
};

}  // namespace

struct SharedHeap::Segment {
  enum class Role {
    kPool,      // Ours: blocks are cut out of it and recycled.
    kSingle,    // Ours: one large block.
    kBorrowed,  // Another process's.
  };

  struct Block {
    uint64_t bytes;
    size_t uses = 0;                    // BlockUse objects that have not ended.
    std::weak_ptr<const BlockUse> use;  // The one to hand out again.
  };

  // The bytes that a block takes, gaps included, so that locks of neighbours join in the kernel's list.
  static uint64_t reserved(const Block& block) { return round_up(block.bytes, kAlignment); }

  Role role = Role::kBorrowed;
  Backing backing = Backing::kMemfd;  // The backing of a pool.
  SegmentId id;
  SharedSegment memory;  // Its descriptor is the opening that holds this process's locks.
  MappedSegment mapped;
  std::map<uint64_t, Block> blocks;  // By offset; for a pool, all that are not free.
  FreeRanges free;                   // Free ranges of a pool.

  // A child may use blocks that it could not lock: a pool recycles no block any more, a borrowed segment unlocks none.
  bool frozen = false;
  uint64_t rested = 0;  // When it was last in use here, counted in rests.

  // Between before_fork() and the child's first instruction.
  OwnedFd opening_of_child;
  Anchor anchor_of_child;
};

struct SharedHeap::Place {
  SegmentPtr segment;  // Null: no room.
  uint64_t offset = 0;
};

BlockUse::~BlockUse() { SharedHeap::instance().end_use(*this); }

std::byte* BlockUse::data() const { return segment_->mapped.data() + offset_; }

void BlockUse::lock_for(const OwnedFd& ticket) const {
  lock_range(ticket.get(), offset_, round_up(bytes_, kAlignment));
}

SharedHeap& SharedHeap::instance() {
  static SharedHeap* heap = new SharedHeap;
  return *heap;
}
[[maybe_unused]] static const SharedHeap& kSharedHeapAtLoad = SharedHeap::instance();

SharedHeap::SharedHeap() {
  at_fork(ForkRank::kSharedHeap, {[] { instance().before_fork(); }, [] { instance().after_fork_in_parent(); },
                                  [] { instance().after_fork_in_child(); }});
}

std::shared_ptr<const BlockUse> SharedHeap::allocate(size_t bytes, Backing backing) {
  const size_t reserved = round_up(bytes, kAlignment);
  const std::lock_guard lock(mutex_);
  if (reserved >= kOwnSegment) {
    const auto segment = add_segment(reserved, backing);
    segment->role = Segment::Role::kSingle;
    return start_use(segment, 0, bytes);
  }
  reclaim(reserved, kLookAt);
  Place place = find_room(reserved, backing);
  if (!place.segment) {
    reclaim(reserved, std::numeric_limits<size_t>::max());
    place = find_room(reserved, backing);
  }
  if (!place.segment) {
    drop_empty(0);  // They are too small for this one, and would fragment what the larger one to come could hold.
    add_pool(reserved, backing);
    place = find_room(reserved, backing);
  }
  return start_use(place.segment, place.offset, bytes);
}

SharedHeap::SegmentPtr SharedHeap::add_segment(size_t bytes, Backing backing) {
  auto segment = std::make_shared<Segment>();
  segment->backing = backing;
  segment->memory = backing == Backing::kMemfd ? SharedSegment::create("tensors", bytes, kKnob)
                                               : SharedSegment::create_on_dev_shm("tensors", bytes, kKnob);
  segment->mapped = MappedSegment(segment->memory, Access::kReadWrite);
  segment->id = identity_of(segment->memory.fd());
  segments_.emplace(segment->id, segment);
  return segment;
}

SharedHeap::SegmentPtr SharedHeap::add_pool(size_t bytes, Backing backing) {
  size_t own_bytes = 0;
  for (const auto& [id, segment] : segments_)
    if (segment->role == Segment::Role::kPool) own_bytes += segment->mapped.size();
  const size_t wished = std::max(bytes, std::clamp(own_bytes / 4, kSmallestPool, kLargestPool));
  SegmentPtr segment;
  try {
    segment = add_segment(wished, backing);
  } catch (const OutOfSharedMemory&) {
    if (wished == bytes) throw;
    segment = add_segment(bytes, backing);
  }
  segment->role = Segment::Role::kPool;
  segment->free.add(0, segment->mapped.size());
  lock_range(segment->memory.fd(), kMakerByte, 1);
  return segment;
}

SharedHeap::Place SharedHeap::find_room(size_t bytes, Backing backing) {
  SegmentPtr best;
  std::optional<uint64_t> smallest;
  for (const auto& [id, segment] : segments_) {
    if (segment->role != Segment::Role::kPool || segment->backing != backing) continue;
    const auto size = segment->free.smallest_for(bytes);
    if (!size || (smallest && *size >= *smallest)) continue;
    smallest = size;
    best = segment;
  }
  if (!best) return {};
  return {best, *best->free.take(bytes)};
}

void SharedHeap::reclaim(size_t bytes, size_t limit) {
  for (size_t left = std::min(limit, returned_.size()); left > 0; --left) {
    const auto entry = std::move(returned_.front());
    returned_.pop_front();
    const SegmentPtr segment = entry.first.lock();
    if (!segment || segment->frozen) continue;
    const auto found = segment->blocks.find(entry.second);
    if (found == segment->blocks.end() || found->second.uses > 0) continue;
    const uint64_t reserved = Segment::reserved(found->second);
    if (is_locked_elsewhere(segment->memory.fd(), found->first, reserved)) {
      returned_.push_back(entry);
      continue;
    }
    segment->free.add(found->first, reserved);
    segment->blocks.erase(found);
    if (segment->blocks.empty()) drop_empty(kKeptEmpty);
    if (reserved >= bytes) return;
  }
}

void SharedHeap::drop_empty(size_t keep_bytes) {
  size_t kept = 0;
  std::erase_if(segments_, [&](const auto& entry) {
    const Segment& segment = *entry.second;
    if (segment.role != Segment::Role::kPool || !segment.blocks.empty()) return false;
    kept += segment.mapped.size();
    return kept > keep_bytes;
  });
}

std::shared_ptr<const BlockUse> SharedHeap::start_use(const SegmentPtr& segment, uint64_t offset, uint64_t bytes) {
  Segment::Block& block = segment->blocks[offset];
  block.bytes = bytes;
  auto use = std::make_shared<const BlockUse>(segment, offset, bytes);
  ++block.uses;
  block.use = use;
  return use;
}

void SharedHeap::end_use(const BlockUse& use) noexcept {
  const std::lock_guard lock(mutex_);
  Segment& segment = *use.segment_;
  const auto found = segment.blocks.find(use.offset_);
  if (--found->second.uses > 0) return;
  switch (segment.role) {
    case Segment::Role::kPool:
      returned_.emplace_back(use.segment_, use.offset_);
      return;
    case Segment::Role::kSingle:
      segments_.erase(segment.id);
      return;
    case Segment::Role::kBorrowed:
      if (segment.frozen) return;
      unlock_range(segment.memory.fd(), use.offset_, Segment::reserved(found->second));
      segment.blocks.erase(found);
      if (!segment.blocks.empty()) return;
      segment.rested = ++rests_;
      rest();
      return;
  }
}

// Lets go of other processes' segments that are not in use, except those that most likely will be again.
void SharedHeap::rest() {
  std::vector<std::pair<uint64_t, SegmentId>> resting;
  for (const auto& [id, segment] : segments_)
    if (segment->role == Segment::Role::kBorrowed && segment->blocks.empty()) resting.emplace_back(segment->rested, id);
  std::sort(resting.rbegin(), resting.rend());  // The latest first.
  size_t kept = 0, bytes = 0;
  for (const auto& [when, id] : resting) {
    const auto segment = segments_.find(id);
    bytes += segment->second->mapped.size();
    if (is_locked_elsewhere(segment->second->memory.fd(), kMakerByte, 1) && ++kept <= kRestingSegments &&
        bytes <= kRestingBytes)
      continue;
    segments_.erase(segment);
  }
}

OwnedFd SharedHeap::open_ticket(const BlockUse& use) const { return open_again(use.segment_->memory.fd()); }

bool SharedHeap::used_elsewhere(const BlockUse& use) const {
  return is_locked_elsewhere(use.segment_->memory.fd(), use.offset_, round_up(use.bytes_, kAlignment));
}

SharedHeap::SegmentPtr SharedHeap::borrow(const OwnedFd& ticket) {
  auto segment = std::make_shared<Segment>();
  segment->id = identity_of(ticket.get());
  OwnedFd opening = open_again(ticket.get());
  segment->memory = has_sealed_size(ticket.get()) ? SharedSegment::adopt(std::move(opening))
                                                  : SharedSegment::adopt_unsealed(std::move(opening));
  segment->mapped = MappedSegment(segment->memory, Access::kReadWrite);
  return segment;
}

std::shared_ptr<const BlockUse> SharedHeap::import(const OwnedFd& ticket, uint64_t offset, uint64_t bytes) {
  const SegmentId id = identity_of(ticket.get());
  const std::lock_guard lock(mutex_);
  const auto known = segments_.find(id);
  const SegmentPtr segment = known != segments_.end() ? known->second : borrow(ticket);
  const size_t size = segment->mapped.size();
  if (bytes == 0 || offset % kAlignment != 0 || bytes > size || offset > size - bytes)
    throw DecodeError("a block of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                      " does not lie in its segment of " + std::to_string(size) + " bytes");
  const auto found = segment->blocks.find(offset);
  if (found != segment->blocks.end()) {
    if (found->second.bytes != bytes) throw DecodeError("a block came twice, with two sizes");
    if (auto use = found->second.use.lock()) return use;
  } else if (segment->role != Segment::Role::kBorrowed) {
    throw DecodeError("a message names a block of ours that was never given out");
  } else {
    lock_range(segment->memory.fd(), offset, round_up(bytes, kAlignment));
    if (known == segments_.end()) {
      rest();
      segments_.emplace(id, segment);
    }
  }
  return start_use(segment, offset, bytes);
}

SharedHeap::Counts SharedHeap::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts;
  for (const auto& [id, segment] : segments_) {
    const bool own = segment->role != Segment::Role::kBorrowed;
    (own ? counts.own_segments : counts.borrowed_segments) += 1;
    if (own) counts.own_bytes += segment->mapped.size();
    for (const auto& [offset, block] : segment->blocks)
      (block.uses > 0 ? counts.used_blocks : segment->frozen ? counts.lost_blocks : counts.returned_blocks) += 1;
  }
  return counts;
}

void SharedHeap::before_fork() {
  mutex_.lock();
  for (const auto& [id, segment] : segments_) {
    const bool used = std::any_of(segment->blocks.begin(), segment->blocks.end(),
                                  [](const auto& entry) { return entry.second.uses > 0; });
    if (!used) continue;
    try {
      segment->opening_of_child = open_again(segment->memory.fd());
      segment->anchor_of_child = Anchor(segment->opening_of_child.get());
      for (const auto& [offset, block] : segment->blocks)
        if (block.uses > 0) lock_range(segment->opening_of_child.get(), offset, Segment::reserved(block));
    } catch (const SyscallError&) {
      segment->opening_of_child.reset();
      segment->frozen = true;  // No descriptor was left for the child, so nothing of this may be recycled.
    }
  }
}

void SharedHeap::after_fork_in_parent() {
  for (const auto& [id, segment] : segments_) {
    segment->anchor_of_child.remove();
    segment->opening_of_child.reset();
  }
  mutex_.unlock();
}

// The child uses what its parent used, as a borrower; the rest of the parent's heap is the parent's.
void SharedHeap::after_fork_in_child() {
  returned_.clear();
  std::erase_if(segments_, [](const auto& entry) {
    Segment& segment = *entry.second;
    std::erase_if(segment.blocks, [](const auto& block) { return block.second.uses == 0; });
    segment.role = Segment::Role::kBorrowed;
    if (segment.blocks.empty()) return true;
    segment.frozen = !segment.opening_of_child;
    if (!segment.frozen) segment.memory = SharedSegment::reopened(std::move(segment.opening_of_child), segment.memory);
    return false;
  });
  mutex_.unlock();
}

}  // namespace millrace
