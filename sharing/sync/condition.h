#pragma once

#include <cstddef>
#include <memory>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing {

/// multiprocessing.Condition: wait for news about what a lock guards.
///
/// Thread safety: any number of threads and processes may use it at once. Moving and loading need that nobody uses the
/// object. Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: at most kMaxWaiters threads wait at a time; notify() wakes those who have waited longest; a wait ends by
/// a notification or by its timeout, never for no reason.
///
/// If a process dies here while it waits, notify() passes it over, and a notification that it had been given but not
/// yet taken goes to another waiter within 100 ms. If it dies while it holds the lock, it is as with Lock: a wait()
/// that takes the lock back then throws OwnerDied, and holds the lock as always when it ends. Nobody else is told.
class Condition {
 public:
  static constexpr size_t kMaxWaiters = 256;

  /// A condition with an RLock of its own.
  Condition();

  /// A condition of a lock that lives elsewhere too. The Condition shares it; the object `lock` may be destroyed
  /// afterwards.
  explicit Condition(const Lock& lock);
  explicit Condition(const RLock& lock);

  // The calls of the lock, see OwnedLock.
  Acquired acquire(Timeout timeout = std::nullopt) { return lock_->acquire(timeout); }
  Acquired try_acquire() { return lock_->try_acquire(); }
  void release() { lock_->release(); }
  void lock() { lock_->lock(); }
  bool try_lock() { return lock_->try_lock(); }
  void unlock() { lock_->unlock(); }

  /// Releases the lock (an RLock as often as it was acquired), waits for a notification and takes the lock again. False
  /// when `timeout` passed first. Throws std::logic_error when the caller does not hold the lock, std::runtime_error
  /// when kMaxWaiters others wait.
  bool wait(Timeout timeout = std::nullopt);

  /// Waits until `predicate()`, which is called under the lock, is true. False when it was still false as `timeout`
  /// passed.
  template <class Predicate>
  bool wait_for(Predicate predicate, Timeout timeout = std::nullopt) {
    const detail::Deadline deadline(timeout);
    while (!predicate()) {
      if (deadline.passed()) return false;
      wait_until(deadline);
    }
    return true;
  }

  /// Wakes `count` of the waiting threads, or all if there are fewer; they go on when the lock is free. Throws
  /// std::logic_error when the caller does not hold the lock.
  void notify(size_t count = 1);
  void notify_all() { notify(kMaxWaiters); }

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  Condition(std::shared_ptr<detail::SyncMemory> block, std::unique_ptr<detail::OwnedLock> lock);

  bool wait_until(const detail::Deadline& deadline);
  void require_held(const char* call) const;

  std::shared_ptr<detail::SyncMemory> block_;
  std::unique_ptr<detail::OwnedLock> lock_;
};

}  // namespace millrace::multiprocessing
