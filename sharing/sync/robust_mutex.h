#pragma once

#include <pthread.h>

#include "millrace/sharing/os/deadline.h"

namespace millrace::multiprocessing::detail {

/// What came of an attempt to lock a RobustMutex.
enum class Taken {
  kYes,
  kOwnerDied,     ///< Locked; the thread that had it ended without unlocking.
  kNo,            ///< Somebody else has it, and the deadline has passed.
  kHeldByCaller,  ///< This thread holds it already; nothing changed.
};

/// A mutex in shared memory. It belongs to a thread; when that thread ends while it holds the mutex, by whatever
/// signal, the kernel passes it on, and the next owner learns of that. It has two uses here. It guards a state; and a
/// thread that waits somewhere holds one, to show others without asking /proc that it lives.
///
/// A mutex is made once, by placement, in memory that all sharers map. It is never destroyed: it owns nothing but its
/// bytes. The memory has to stay mapped for as long as a thread of this process holds the mutex, since the C library
/// links held mutexes.
class RobustMutex {
 public:
  RobustMutex();
  RobustMutex(const RobustMutex&) = delete;
  RobustMutex& operator=(const RobustMutex&) = delete;

  [[nodiscard]] Taken lock(const Deadline& deadline = Deadline::never());
  [[nodiscard]] Taken try_lock();

  /// Unlocks the mutex. False when this thread does not hold it; then nothing changed.
  bool unlock();

 private:
  Taken outcome_of(int error, const char* call);

  pthread_mutex_t mutex_;
};

}  // namespace millrace::multiprocessing::detail
