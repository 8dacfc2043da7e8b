#pragma once

#include "millrace/sharing/sync/robust_mutex.h"

namespace millrace::multiprocessing::detail {

/// Holds the mutex that guards an object's own state, for some instructions. The state is whole after each store, or is
/// repaired when owner_died(). A process that is stopped (SIGSTOP) within those instructions delays the others until it
/// goes on or is killed.
class Guard {
 public:
  explicit Guard(RobustMutex& mutex) : mutex_(mutex), owner_died_(mutex.lock() == Taken::kOwnerDied) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { mutex_.unlock(); }

  bool owner_died() const { return owner_died_; }

 private:
  RobustMutex& mutex_;
  bool owner_died_;
};

}  // namespace millrace::multiprocessing::detail
