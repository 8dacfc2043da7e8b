#pragma once

#include <fcntl.h>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {

/// Another descriptor for the file that `fd` is open on, closed by exec. Throws SyscallError, as when `ulimit -n` is
/// reached.
inline OwnedFd duplicate(int fd) { return OwnedFd(MILLRACE_SYSCALL(::fcntl(fd, F_DUPFD_CLOEXEC, 0), fd)); }

}  // namespace millrace
