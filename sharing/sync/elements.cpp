#include "millrace/sharing/sync/elements.h"

#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/sync/lock_access.h"
#include "millrace/sharing/sync/lock_state.h"

namespace millrace::multiprocessing::detail {
namespace {

constexpr size_t kOffset = round_up(sizeof(LockState), 64);  // The bytes' place, behind the lock.

enum class GuardedBy : uint8_t { kOwnLock, kLock, kRLock };

}  // namespace

LockedBytes::LockedBytes(size_t bytes)
    : block_(with_state<LockState>(bytes > kMostTogether ? SyncMemory::create_apart("millrace values", kOffset + bytes)
                                                         : SyncMemory::create("millrace values", kOffset + bytes))),
      bytes_(block_->data() + kOffset, bytes) {}

void LockedBytes::save(EncodeArchive& archive) const {
  archive(bytes_.size());
  block_->send(archive);
}

void LockedBytes::load(DecodeArchive& archive) {
  size_t bytes = 0;
  archive(bytes);
  auto block = SyncMemory::receive(archive, kOffset);
  if (block->bytes() - kOffset < bytes) throw DecodeError("a shared value is larger than its memory");
  block_ = std::move(block);
  bytes_ = {block_->data() + kOffset, bytes};
}

std::unique_ptr<OwnedLock> LockedBytes::make_lock() const {
  return std::make_unique<RLock>(LockAccess::rlock_of(block_));
}

void LockedBytes::save_with_lock(EncodeArchive& archive, const OwnedLock& lock) const {
  const auto guard = LockAccess::block_of(lock) == block_ ? GuardedBy::kOwnLock
                     : LockAccess::is_rlock(lock)         ? GuardedBy::kRLock
                                                          : GuardedBy::kLock;
  archive(guard);
  save(archive);
  if (guard != GuardedBy::kOwnLock) LockAccess::block_of(lock)->send(archive);
}

std::unique_ptr<OwnedLock> LockedBytes::load_with_lock(DecodeArchive& archive) {
  GuardedBy guard{};
  archive(guard);
  load(archive);
  switch (guard) {
    case GuardedBy::kOwnLock:
      return make_lock();
    case GuardedBy::kLock:
      return LockAccess::receive(archive, OwnedLock::Reentry::kRefused);
    case GuardedBy::kRLock:
      return LockAccess::receive(archive, OwnedLock::Reentry::kCounted);
  }
  throw DecodeError("a shared value with a lock of no known kind");
}

std::unique_ptr<OwnedLock> share_lock(const OwnedLock& lock) { return LockAccess::another(lock); }

}  // namespace millrace::multiprocessing::detail
