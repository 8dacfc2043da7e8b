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
  kOwnerDied,  ///< Acquired, and a process or thread ended while it held this: look after what it may have left half
               ///< done.
};

/// Thrown by lock(), try_lock() and Condition's waits: a process ended while it held what was asked for.
class OwnerDied : public std::runtime_error {
 public:
  /// `what_it_held`: "a Lock".
  OwnerDied(const std::string& what_it_held, pid_t pid);

  /// Who it was; -1 when it was killed before it could say so.
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

/// release() of what is not held, or more often than acquired (Python's ValueError and AssertionError).
class ReleaseError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {

class SyncMemory;
struct LockState;
class LockAccess;
enum class Taken;

/// What Lock and RLock have in common; use those.
///
/// Thread safety: one object may be used by any number of threads, and the lock by any number of processes: pass it by
/// std::ref to a Process, or send it through a Queue. Moving an object, or loading into it, needs that nobody uses it.
/// Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: the lock belongs to the thread that acquired it, and only this thread may release it.
///
/// If a process dies here: when the owner (process or only thread) ends without releasing, the kernel passes the lock
/// on at once. The next acquire() has it and is told kOwnerDied, once. lock() and try_lock(), which have no way to tell
/// it, throw OwnerDied *without* taking the lock, again and again, until somebody has taken it with acquire(): so with
/// std::lock_guard too nobody works on what a dead process left behind without having been told. An owner that is
/// merely stopped (SIGSTOP) keeps the lock.
class OwnedLock {
 public:
  enum class Reentry { kRefused, kCounted };

  OwnedLock(OwnedLock&&) noexcept = default;
  OwnedLock& operator=(OwnedLock&&) noexcept = default;

  /// Waits for the lock, at most `timeout`. To a Lock's own owner it is held as by anybody: with a timeout the answer
  /// is kNo when that has passed, as in Python; without one it would wait for itself for ever, and std::logic_error is
  /// thrown. The same holds for try_acquire(), try_lock() (no, at once) and lock() (throws).
  Acquired acquire(Timeout timeout = std::nullopt);

  /// As acquire(), without waiting.
  Acquired try_acquire();

  /// Throws ReleaseError when this thread does not hold it.
  void release();

  // For std::lock_guard, std::unique_lock and std::scoped_lock; these throw OwnerDied, see above.
  void lock();
  bool try_lock();
  void unlock() { release(); }

  /// Whether the calling thread holds it.
  bool is_held() const;

  /// Whether some thread of some process holds it, at this moment. An owner that has ended counts until somebody
  /// acquires it and is told.
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

  // See LockAccess.
  uint32_t release_all();
  pid_t acquire_again(uint32_t depth);

  std::shared_ptr<SyncMemory> block_;
  LockState* state_ = nullptr;  // The block's beginning.
  Reentry reentry_;
};

}  // namespace detail

/// multiprocessing.Lock: held by one thread of one process at a time. See detail::OwnedLock for all of it.
///
/// Other than in Python only the owner may release it (as a signal to others use Semaphore or Event), and an owner that
/// waits for itself without a timeout gets an error instead of waiting for ever.
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
