#pragma once

#include <sys/types.h>

#include <cstdint>

namespace millrace::multiprocessing::detail {

/// Names a process for good: numbers are given out again, but not together with the same start time. Two processes must
/// see the same /proc (be in one pid namespace) to speak of each other so.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  ///< Clock ticks since boot.

  bool operator==(const ProcessIdentity&) const = default;
};

/// This process. Thread-safe, also right after a fork.
ProcessIdentity this_process();

/// False once the process has ended, zombie or not. True in doubt, such as without a /proc.
bool is_alive(const ProcessIdentity& process);

/// The kernel's number of this thread; unique among all processes.
pid_t this_thread();

}  // namespace millrace::multiprocessing::detail
