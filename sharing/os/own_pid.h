#pragma once

#include <sys/types.h>

namespace millrace {

/// getpid() without the system call, for objects that ask at every use whether they are still in the process that made
/// them. Right in every child that has memory of its own, however it was forked. Thread-safe.
pid_t own_pid();

}  // namespace millrace
