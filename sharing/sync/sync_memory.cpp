#include "millrace/sharing/sync/sync_memory.h"

#include <sys/stat.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/memfd.h"
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

// What this process has mapped, by the inode of its memory. Never destroyed: objects with static storage use it last.
class Mapped {
 public:
  static Mapped& instance() {
    static Mapped& mapped = *new Mapped;
    return mapped;
  }

  std::shared_ptr<SyncMemory> find_or_map(SharedSegment segment) {
    const ino_t inode = inode_of(segment);
    const std::lock_guard lock(mutex_);
    auto& known = by_inode_[inode];
    if (auto memory = known.lock()) return memory;
    auto memory = std::make_shared<SyncMemory>(std::move(segment), inode);
    known = memory;
    return memory;
  }

  /// Leaves it mapped until the process ends.
  void keep(MappedSegment memory) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(memory));
  }

  void forget(ino_t inode) {
    const std::lock_guard lock(mutex_);
    const auto it = by_inode_.find(inode);
    // It may have arrived again since its last owner let go.
    if (it != by_inode_.end() && it->second.expired()) by_inode_.erase(it);
  }

 private:
  Mapped() {
    // A thread that a forked child does not have must not hold the mutex there.
    at_fork(ForkRank::kSyncMemory,
            {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); }, [] { instance().mutex_.unlock(); }});
  }

  std::mutex mutex_;
  std::unordered_map<ino_t, std::weak_ptr<SyncMemory>> by_inode_;
  std::vector<MappedSegment> kept_;
};
[[maybe_unused]] const Mapped& kMappedAtLoad = Mapped::instance();

}  // namespace

std::shared_ptr<SyncMemory> SyncMemory::create(const char* label, size_t bytes) {
  return Mapped::instance().find_or_map(make_segment(label, bytes));
}

std::shared_ptr<SyncMemory> SyncMemory::receive(DecodeArchive& archive, size_t bytes) {
  auto segment = SharedSegment::adopt(archive.detach());
  if (segment.bytes() < bytes)
    throw DecodeError("shared memory of " + std::to_string(bytes) + " bytes was expected, but a segment of " +
                      std::to_string(segment.bytes()) + " came");
  return Mapped::instance().find_or_map(std::move(segment));
}

SyncMemory::SyncMemory(SharedSegment segment, ino_t inode)
    : segment_(std::move(segment)), memory_(segment_, Access::kReadWrite), inode_(inode) {}

SyncMemory::~SyncMemory() {
  if (pinned_.load(std::memory_order_relaxed) > 0) Mapped::instance().keep(std::move(memory_));
  Mapped::instance().forget(inode_);
}

}  // namespace millrace::multiprocessing::detail
