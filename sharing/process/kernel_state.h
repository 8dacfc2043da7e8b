#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace millrace {

/// What a process is at, as the kernel tells of its main thread: for messages about one that is waited for.
struct KernelState {
  /// "running", "stopped", "waits in folio_wait_bit_common", "sleeps in the system call read"; empty where /proc tells
  /// nothing, as of a process that has gone.
  std::string text;

  /// It cannot go on by itself: it is stopped, or in a system call that no signal ends, as for a file system that does
  /// not answer.
  bool is_stuck = false;
};

KernelState kernel_state(pid_t pid);

/// "process 71 (stopped)".
std::string process_and_state(pid_t pid);

namespace detail {

/// The same from what /proc/PID has: the letter of `stat`, and the files `wchan`, which is "0" where the kernel does
/// not say or the process does not wait, and `syscall`.
KernelState kernel_state(char letter, std::string_view wait_channel, std::string_view system_call);

}  // namespace detail

}  // namespace millrace
