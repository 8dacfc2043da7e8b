#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "millrace/sharing/sync/lock.h"
#include "millrace/sharing/sync/lock_state.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing::detail {

/// Calls of locks for Condition and Value, which users of a lock cannot make.
class LockAccess {
 public:
  /// An RLock at the beginning of a block that holds another object too.
  static RLock rlock_of(std::shared_ptr<SyncMemory> block) {
    return RLock(std::move(block), OwnedLock::Reentry::kCounted);
  }

  /// Another object for the same lock.
  static std::unique_ptr<OwnedLock> another(const OwnedLock& lock) {
    return std::unique_ptr<OwnedLock>(new OwnedLock(lock.block_, lock.reentry_));
  }

  /// A lock that was sent as LockAccess::block_of(lock)->send().
  static std::unique_ptr<OwnedLock> receive(DecodeArchive& archive, OwnedLock::Reentry reentry) {
    auto block = SyncMemory::receive(archive, sizeof(LockState));
    return std::unique_ptr<OwnedLock>(new OwnedLock(std::move(block), reentry));
  }

  static bool is_rlock(const OwnedLock& lock) { return lock.reentry_ == OwnedLock::Reentry::kCounted; }

  static const std::shared_ptr<SyncMemory>& block_of(const OwnedLock& lock) { return lock.block_; }

  /// Releases a lock as often as it was acquired, and says how often that was. REQUIRES: is_held().
  static uint32_t release_all(OwnedLock& lock) { return lock.release_all(); }

  /// Undoes release_all(). Gives the process that ended as owner meanwhile, of which no other caller is told; 0 for
  /// none.
  static pid_t acquire_again(OwnedLock& lock, uint32_t depth) { return lock.acquire_again(depth); }
};

}  // namespace millrace::multiprocessing::detail
