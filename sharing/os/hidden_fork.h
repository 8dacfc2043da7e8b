#pragma once

#include <sys/types.h>

#include "millrace/sharing/os/pidfd.h"

namespace millrace {

/// A child of this process that the program's own waiting passes over: wait() and waitpid(-1) do not find it, and no
/// SIGCHLD tells of its end. PidFd::reap() takes it away.
struct HiddenChild {
  pid_t pid = 0;  ///< 0 in the child itself.
  PidFd process;
};

/// Forks a hidden child. The kernel is called without the C library, so nothing that was registered for forks runs:
/// where other threads exist, the child may call only what a signal handler may. Throws SyscallError.
///
/// A program that the child executes would be hidden no longer: the kernel then gives it the usual exit signal.
HiddenChild fork_hidden();

}  // namespace millrace
