#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "millrace/sharing/sync/robust_mutex.h"

namespace millrace::multiprocessing::detail {

/// A lock in shared memory. Objects with a lock of their own (Condition, Value) begin with one.
struct LockState {
  RobustMutex mutex;
  std::atomic<pid_t> owner_thread = 0;  ///< 0 for none. Only the owner writes this and the next members.
  pid_t owner_process = 0;
  uint32_t depth = 0;      ///< How often an RLock's owner has acquired it.
  pid_t dead_process = 0;  ///< An owner that ended without anybody being told; -1 when unknown; 0 for none.
};

}  // namespace millrace::multiprocessing::detail
