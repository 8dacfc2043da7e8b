#pragma once

#include <sys/types.h>

#include <cstdint>

namespace millrace::multiprocessing::detail {

/// Names a process for good: a process id is used again, but not together with the same start time. Two processes can
/// exchange such names when they see the same /proc (are in one pid namespace).
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  ///< Clock ticks since boot.

  bool operator==(const ProcessIdentity&) const = default;
};

/// This process. Thread-safe, also right after a fork.
ProcessIdentity this_process();

/// Whether a process has not ended; a zombie has. True in doubt, such as without a /proc.
bool is_alive(const ProcessIdentity& process);

/// The kernel's number of this thread, which no other thread of any process has.
pid_t this_thread();

}  // namespace millrace::multiprocessing::detail
