#include "millrace/sharing/sync/elements.h"

#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/sync/lock_access.h"
#include "millrace/sharing/sync/lock_state.h"

namespace millrace::multiprocessing::detail {
namespace {

constexpr size_t kOffset = round_up(sizeof(LockState), 64);  // Of the bytes, behind the lock.

}  // namespace

LockedBytes::LockedBytes(size_t bytes)
    : block_(create_memory<LockState>("millrace values", kOffset - sizeof(LockState) + bytes)),
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

std::unique_ptr<RLock> LockedBytes::make_lock() const { return std::make_unique<RLock>(LockAccess::rlock_of(block_)); }

void LockedBytes::save_with_lock(EncodeArchive& archive, const RLock& lock) const {
  const bool own_lock = LockAccess::block_of(lock) == block_;
  archive(own_lock);
  save(archive);
  if (!own_lock) lock.save(archive);
}

std::unique_ptr<RLock> LockedBytes::load_with_lock(DecodeArchive& archive) {
  bool own_lock = true;
  archive(own_lock);
  load(archive);
  if (own_lock) return make_lock();
  auto lock = std::make_unique<RLock>();
  lock->load(archive);
  return lock;
}

std::unique_ptr<RLock> share_lock(const RLock& lock) {
  return std::make_unique<RLock>(LockAccess::rlock_of(LockAccess::block_of(lock)));
}

}  // namespace millrace::multiprocessing::detail
