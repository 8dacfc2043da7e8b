#pragma once

#include <sys/types.h>

#include <optional>

namespace millrace::detail {

/// What the kernel tells of a process in /proc.
struct ProcessStat {
  char state = '?';   ///< 'Z' once it has ended and nobody has reaped it; 'T' and 't' while it is stopped.
  int exit_code = 0;  ///< How a zombie ended, in waitpid()'s encoding.
};

/// What /proc tells of `pid`; nullopt when there is no such process, or /proc does not show it.
std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace millrace::detail
