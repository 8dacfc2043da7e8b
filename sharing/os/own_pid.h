#pragma once

#include <sys/types.h>

namespace millrace {

/// This process's id without the system call of getpid(), for objects that ask at every use whether they are still in
/// the process that made them. It is right in every child that has memory of its own, however it was forked.
/// Thread-safe.
pid_t own_pid();

}  // namespace millrace
