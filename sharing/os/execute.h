#pragma once

#include <sys/types.h>

namespace millrace {

/// Executes this program afresh as a child of this process, and gives its pid. The child gets `fd` as its descriptor
/// `number` and none above it: what the caller or its libraries opened without O_CLOEXEC is none of its business.
/// Throws SyscallError.
pid_t execute_this_program(char** arguments, char** environment, int fd, int number);

/// Executes this program afresh in the place of this process; returns, with errno, only when that fails. Does nothing
/// that a signal handler may not.
int become_this_program(char** arguments, char** environment) noexcept;

}  // namespace millrace
