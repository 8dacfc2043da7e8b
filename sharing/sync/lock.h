#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing {

/// What acquire() did.
enum class [[nodiscard]] Acquired {
  kNo,  ///< The timeout passed.
  kYes,
  kOwnerDied,  ///< The lock was acquired, but its owner ended while it held it: look after what may be left half done.
};

/// Thrown by lock(), try_lock() and Condition's waits: a process ended while it held what was asked for.
class OwnerDied : public std::runtime_error {
 public:
  /// `what_it_held` names the object: "a Lock".
  OwnerDied(const std::string& what_it_held, pid_t pid);

  /// The process that ended; -1 when it was killed before it could say so.
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

/// release() was called for an object that is not held, or more often than acquire() (Python's ValueError and
/// AssertionError).
class ReleaseError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {

class SyncMemory;
struct LockState;
class LockAccess;
enum class Taken;

/// The common part of Lock and RLock, which are the classes to use.
///
/// Thread safety: one object may be used by any number of threads, and the lock by any number of processes: pass it by
/// std::ref to a Process, or send it through a Queue. Moving an object, or loading into it, needs that nobody uses it.
/// Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: the lock belongs to the thread that acquired it, and only this thread may release it.
///
/// If a process dies here: when the owner (process or only thread) ends without releasing, the kernel passes the lock
/// on at once. The next acquire() has the lock and is told kOwnerDied, once. lock() and try_lock() have no way to tell
/// that. They throw OwnerDied *without* taking the lock, again and again, until acquire() has been called. So with
/// std::lock_guard, too, nobody works on what a dead process left behind without having been told. An owner that is
/// merely stopped (SIGSTOP) keeps the lock.
class OwnedLock {
 public:
  enum class Reentry { kRefused, kCounted };

  OwnedLock(OwnedLock&&) noexcept = default;
  OwnedLock& operator=(OwnedLock&&) noexcept = default;

  /// Waits for the lock, at most `timeout`. A Lock's owner that calls it again waits as well, and would for ever. With
  /// a timeout it gets kNo when that has passed, as in Python; without one it gets std::logic_error. So try_acquire()
  /// and try_lock() fail at once for the owner, and lock() throws.
  Acquired acquire(Timeout timeout = std::nullopt);

  /// Takes the lock unless that would wait.
  Acquired try_acquire();

  /// Releases the lock. Throws ReleaseError when this thread does not hold it.
  void release();

  // The calls of std::lock_guard, std::unique_lock and std::scoped_lock; these throw OwnerDied, see above.
  void lock();
  bool try_lock();
  void unlock() { release(); }

  /// Whether the calling thread holds it.
  bool is_held() const;

  /// Whether some thread of some process holds the lock, at this moment. An owner that has ended counts until some
  /// caller of acquire() has been told.
  bool locked() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 protected:
  explicit OwnedLock(Reentry reentry);
  OwnedLock(std::shared_ptr<SyncMemory> block, Reentry reentry);

 private:
  friend class LockAccess;

  const char* name() const;
  Acquired wait_and_enter(const Deadline& deadline);
  Acquired enter(Taken taken);
  Acquired told(Acquired acquired);
  bool refuse_news(Acquired acquired);

  // Calls for LockAccess.
  uint32_t release_all();
  pid_t acquire_again(uint32_t depth);

  std::shared_ptr<SyncMemory> block_;
  LockState* state_ = nullptr;  // At the block's beginning.
  Reentry reentry_;
};

}  // namespace detail

/// multiprocessing.Lock: one thread of one process at a time holds it. detail::OwnedLock says all of it.
///
/// Unlike in Python, only the owner may release it (to signal others, use Semaphore or Event), and an owner that waits
/// for itself without a timeout gets an error instead of waiting for ever.
class Lock : public detail::OwnedLock {
 public:
  Lock() : OwnedLock(Reentry::kRefused) {}
};

/// multiprocessing.RLock: its owner may acquire it again, and releases it as often.
class RLock : public detail::OwnedLock {
 public:
  RLock() : OwnedLock(Reentry::kCounted) {}

 private:
  friend class detail::LockAccess;
  using OwnedLock::OwnedLock;
};

}  // namespace millrace::multiprocessing
