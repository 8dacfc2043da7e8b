#pragma once

#include <cstdint>
#include <memory>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing {

/// multiprocessing.Semaphore: a number of units; acquire() takes one and waits while there is none.
///
/// A table says how many units each process holds. release() gives back a unit of the caller's. A caller that holds
/// none gives back one that another process holds, or, if nobody holds any, adds a unit. So both uses work as in
/// Python: units as a resource (acquire, use, release), and as a signal (one releases, another acquires).
///
/// Thread safety: any number of threads and processes may use it at once. Moving and loading need that nobody uses the
/// object. Descriptors: none of its own, see detail::SyncMemory.
///
/// Invariants: value = units in existence - units held; at most kMaxHolders processes hold units at the same time.
///
/// If a process dies here: its units come back, as far as that lifts the value to no more than it was at first. So a
/// resource is whole again, and a semaphore that began at 0 and is used as a signal gets no signal that nobody gave. A
/// caller that would wait longer than 20 ms, or would be refused, looks whether the holders live. The next acquire() is
/// told kOwnerDied, once; until then lock() and try_lock() throw OwnerDied and take nothing. A unit that another
/// process was going to release on the dead one's behalf comes back twice: for such traffic use a Queue. A process that
/// is stopped (SIGSTOP) keeps its units.
class Semaphore {
 public:
  static constexpr size_t kMaxHolders = 1024;

  Semaphore() : Semaphore(1) {}
  explicit Semaphore(uint32_t value);

  /// Takes a unit; waits for one at most `timeout`. Throws std::runtime_error when kMaxHolders others hold units.
  Acquired acquire(Timeout timeout = std::nullopt);

  /// Takes a unit unless that would wait.
  Acquired try_acquire() { return acquire(std::chrono::nanoseconds(0)); }

  void release();

  // The calls of std::lock_guard and its kin; these throw OwnerDied, see above.
  void lock();
  bool try_lock();
  void unlock() { release(); }

  /// Units that are free at this moment; those of dead processes that nobody has missed yet are not among them.
  uint32_t get_value() const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 protected:
  enum class Bound { kNone, kInitialValue };
  Semaphore(uint32_t value, Bound bound);

 private:
  enum class News { kTake, kLeave };
  const char* kind() const;
  Acquired take_unit(const detail::Deadline& deadline, News news);

  std::shared_ptr<detail::SyncMemory> block_;
  Bound bound_;
};

/// multiprocessing.BoundedSemaphore: release() throws ReleaseError when it would lift the value above the first one.
class BoundedSemaphore : public Semaphore {
 public:
  BoundedSemaphore() : BoundedSemaphore(1) {}
  explicit BoundedSemaphore(uint32_t value) : Semaphore(value, Bound::kInitialValue) {}
};

}  // namespace millrace::multiprocessing
