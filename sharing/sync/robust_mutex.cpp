#include "millrace/sharing/sync/robust_mutex.h"

#include <cerrno>
#include <ctime>

#include "millrace/sharing/os/syscall.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace millrace::multiprocessing::detail {
namespace {

// pthread functions return errno instead of setting it.
void check(int error, const char* call) {
  if (error != 0) millrace::detail::throw_syscall_error(error, call);
}

#if defined(__SANITIZE_THREAD__)
// GCC 12's thread sanitizer does not know this function.
int clocklock(pthread_mutex_t* mutex, const timespec& limit) {
  __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
  const int error = ::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &limit);
  const bool locked = error == 0 || error == EOWNERDEAD;
  __tsan_mutex_post_lock(mutex, locked ? __tsan_mutex_try_lock : __tsan_mutex_try_lock | __tsan_mutex_try_lock_failed,
                         0);
  return error;
}
#else
int clocklock(pthread_mutex_t* mutex, const timespec& limit) {
  return ::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &limit);
}
#endif

timespec to_timespec(Deadline::Clock::time_point at) {
  const auto since = at.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  return {seconds.count(), std::chrono::nanoseconds(since - seconds).count()};
}

}  // namespace

RobustMutex::RobustMutex() {
  pthread_mutexattr_t attributes;
  check(::pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  check(::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_mutexattr_setpshared");
  check(::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "pthread_mutexattr_setrobust");
  check(::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), "pthread_mutexattr_settype");
  check(::pthread_mutex_init(&mutex_, &attributes), "pthread_mutex_init");
  ::pthread_mutexattr_destroy(&attributes);
}

Taken RobustMutex::lock(const Deadline& deadline) {
  if (const auto at = deadline.at()) return outcome_of(clocklock(&mutex_, to_timespec(*at)), "pthread_mutex_clocklock");
  return outcome_of(::pthread_mutex_lock(&mutex_), "pthread_mutex_lock");
}

Taken RobustMutex::try_lock() { return outcome_of(::pthread_mutex_trylock(&mutex_), "pthread_mutex_trylock"); }

Taken RobustMutex::outcome_of(int error, const char* call) {
  switch (error) {
    case 0:
      return Taken::kYes;
    case EOWNERDEAD:
      // Whoever is killed before this line dies as an owner too, and the next one is told again.
      check(::pthread_mutex_consistent(&mutex_), "pthread_mutex_consistent");
      return Taken::kOwnerDied;
    case ETIMEDOUT:
    case EBUSY:
      return Taken::kNo;
    case EDEADLK:
      return Taken::kHeldByCaller;
    default:
      millrace::detail::throw_syscall_error(error, call);
  }
}

bool RobustMutex::unlock() { return ::pthread_mutex_unlock(&mutex_) == 0; }

}  // namespace millrace::multiprocessing::detail
