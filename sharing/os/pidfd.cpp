#include "millrace/sharing/os/pidfd.h"

#include <sys/syscall.h>

#include <csignal>

#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/syscall.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

namespace millrace {

PidFd PidFd::open(pid_t pid) {
  return PidFd(OwnedFd(static_cast<int>(MILLRACE_SYSCALL(::syscall(SYS_pidfd_open, pid, 0), pid))));
}

bool PidFd::kill(int signal) const {
  const auto result = ::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0);
  if (result < 0 && errno == ESRCH) return false;
  if (result < 0) detail::throw_syscall_error(errno, "pidfd_send_signal", signal);
  return true;
}

bool PidFd::wait_ended(std::optional<std::chrono::nanoseconds> timeout) const { return poll_readable(fd_.get(), timeout); }

}  // namespace millrace
