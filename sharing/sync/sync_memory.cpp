#include "millrace/sharing/sync/sync_memory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::multiprocessing::detail {
namespace {

// Up to this size the memory is taken without asking first how much there is: asking costs more than the lock.
constexpr size_t kSmall = size_t{256} << 10;

SharedSegment make_segment(const char* label, size_t bytes) {
  if (bytes > kSmall) return SharedSegment::create(label, bytes, "share fewer elements");
  return SharedSegment::adopt(create_memfd(label, bytes));
}

ino_t inode_of(const SharedSegment& segment) {
  struct stat status{};
  MILLRACE_SYSCALL(::fstat(segment.fd(), &status), segment.fd());
  return status.st_ino;
}

// The first segment for objects together, and the largest: each that is full is followed by one of twice its size.
constexpr size_t kFirstTogether = size_t{64} << 10;
constexpr size_t kLastTogether = size_t{1} << 20;
constexpr size_t kAlignment = 64;

// The segments that this process has mapped, by the inode of their memory, and the segment in which it makes the next
// object. Never destroyed: objects with static storage use it last.
class Mapped {
 public:
  static Mapped& instance() {
    static Mapped& mapped = *new Mapped;
    return mapped;
  }

  std::shared_ptr<SyncSegment> find_or_map(SharedSegment segment) {
    const std::lock_guard lock(mutex_);
    return find_or_map_guarded(std::move(segment));
  }

  std::shared_ptr<SyncMemory> create_together(size_t bytes) {
    const size_t taken = round_up(bytes, kAlignment);
    // Declared before the mutex is taken, and so let go after it: another thread may drop the last object meanwhile;
    // then the segment ends here, which takes the mutex.
    std::shared_ptr<SyncSegment> before;
    std::shared_ptr<SyncSegment> segment;
    const std::lock_guard lock(mutex_);
    before = current_.lock();
    if (before && before->memory().size() - used_ >= taken) {
      segment = before;
    } else {
      const size_t wanted = before ? std::min(2 * before->memory().size(), kLastTogether) : kFirstTogether;
      segment = find_or_map_guarded(make_segment("millrace locks", std::max(wanted, taken)));
      current_ = segment;
      used_ = 0;
    }
    const auto memory = segment->memory().subspan(std::exchange(used_, used_ + taken), bytes);
    return std::make_shared<SyncMemory>(std::move(segment), memory);
  }

  /// Leaves it mapped until the process ends.
  void keep(MappedSegment memory) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(memory));
  }

  void forget(ino_t inode) {
    const std::lock_guard lock(mutex_);
    const auto it = by_inode_.find(inode);
    // The segment may have arrived again since its last owner let go.
    if (it != by_inode_.end() && it->second.expired()) by_inode_.erase(it);
  }

 private:
  Mapped() {
    // A thread that a forked child does not have must not hold the mutex there. And what parent and child make from
    // then on must not lie in one place.
    at_fork(ForkRank::kSyncMemory, {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                                    [] {
                                      instance().current_.reset();
                                      instance().mutex_.unlock();
                                    }});
  }

  std::shared_ptr<SyncSegment> find_or_map_guarded(SharedSegment segment) {
    const ino_t inode = inode_of(segment);
    auto& known = by_inode_[inode];
    if (auto memory = known.lock()) return memory;
    auto memory = std::make_shared<SyncSegment>(std::move(segment), inode);
    known = memory;
    return memory;
  }

  std::mutex mutex_;
  std::unordered_map<ino_t, std::weak_ptr<SyncSegment>> by_inode_;
  std::vector<MappedSegment> kept_;
  std::weak_ptr<SyncSegment> current_;  // Gone with the last object in it.
  size_t used_ = 0;                     // Bytes of the current segment that objects have, or had.
};
[[maybe_unused]] const Mapped& kMappedAtLoad = Mapped::instance();

// The segments of a message, in the order in which they came first. Kept until it is complete: an object may be gone
// before that, and the next one's segment would get its address, and so its number.
struct SentSegments {
  std::map<std::shared_ptr<SyncSegment>, uint32_t> numbers;
};
struct ReceivedSegments {
  std::vector<std::shared_ptr<SyncSegment>> segments;
};

}  // namespace

std::shared_ptr<SyncMemory> SyncMemory::create(const char* label, size_t bytes) {
  if (bytes > kMostTogether) return create_apart(label, bytes);
  return Mapped::instance().create_together(bytes);
}

std::shared_ptr<SyncMemory> SyncMemory::create_apart(const char* label, size_t bytes) {
  auto segment = Mapped::instance().find_or_map(make_segment(label, bytes));
  const auto memory = segment->memory().first(bytes);
  return std::make_shared<SyncMemory>(std::move(segment), memory);
}

std::shared_ptr<SyncMemory> SyncMemory::receive(DecodeArchive& archive, size_t at_least) {
  uint32_t number = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  archive(number, offset, bytes);
  auto& known = archive.memory<ReceivedSegments>().segments;
  if (number > known.size()) throw DecodeError("a shared object came without its memory");
  if (number == known.size()) known.push_back(Mapped::instance().find_or_map(SharedSegment::adopt(archive.detach())));
  auto segment = known[number];
  const auto memory = segment->memory();
  if (offset % kAlignment != 0 || offset > memory.size() || bytes > memory.size() - offset)
    throw DecodeError("a shared object of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                      " was announced in a segment of " + std::to_string(memory.size()));
  if (bytes < at_least)
    throw DecodeError("shared memory of " + std::to_string(at_least) + " bytes was expected, but " +
                      std::to_string(bytes) + " bytes came");
  return std::make_shared<SyncMemory>(std::move(segment), memory.subspan(offset, bytes));
}

void SyncMemory::send(EncodeArchive& archive) const {
  auto& numbers = archive.memory<SentSegments>().numbers;
  const auto [it, is_new] = numbers.try_emplace(segment_, static_cast<uint32_t>(numbers.size()));
  if (is_new) archive.attach(segment_->fd());
  archive(it->second, static_cast<uint64_t>(data() - segment_->memory().data()), static_cast<uint64_t>(bytes()));
}

SyncSegment::SyncSegment(SharedSegment segment, ino_t inode)
    : segment_(std::move(segment)), memory_(segment_, Access::kReadWrite), inode_(inode) {}

SyncSegment::~SyncSegment() {
  if (pinned_.load(std::memory_order_relaxed) > 0) Mapped::instance().keep(std::move(memory_));
  Mapped::instance().forget(inode_);
}

}  // namespace millrace::multiprocessing::detail
