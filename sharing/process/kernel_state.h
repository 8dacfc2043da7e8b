#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace millrace {

/// What a process is doing, as the kernel tells of its main thread, for messages about a process that is waited for.
struct KernelState {
  /// The state in words: "running", "stopped", "waits in folio_wait_bit_common", "sleeps in the system call read".
  /// Empty where /proc tells nothing, as of a process that has gone.
  std::string text;

  /// Whether the process cannot go on by itself: it is stopped, or in a system call that no signal ends, as for a file
  /// system that does not answer.
  bool is_stuck = false;
};

KernelState kernel_state(pid_t pid);

/// A process and its state in words: "process 71 (stopped)".
std::string process_and_state(pid_t pid);

namespace detail {

/// The state that /proc/PID tells: `letter` of its file `stat`, and the texts of its files `wchan`, which is "0" where
/// the kernel does not say or the process does not wait, and `syscall`.
KernelState kernel_state(char letter, std::string_view wait_channel, std::string_view system_call);

}  // namespace detail

}  // namespace millrace
