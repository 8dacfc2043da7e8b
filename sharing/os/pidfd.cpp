#include "millrace/sharing/os/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>

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

void PidFd::kill_if_allowed(int signal) const {
  try {
    kill(signal);
  } catch (const SyscallError& e) {
    if (e.code().value() != EPERM) throw;
  }
}

std::optional<int> PidFd::reap() const {
  // The pidfd and not the number is waited for: if the child had been reaped elsewhere, the number might be another
  // child's by now.
  siginfo_t info{};
  const auto id = static_cast<id_t>(fd_.get());
  // __WALL: a hidden child as well (fork_hidden()).
  if (detail::retry_interrupted([&] { return ::waitid(P_PIDFD, id, &info, WEXITED | __WALL); }) < 0) {
    if (errno == ECHILD) return std::nullopt;
    detail::throw_syscall_error(errno, "waitid", fd_.get());
  }
  if (info.si_code == CLD_EXITED) return W_EXITCODE(info.si_status, 0);
  return W_EXITCODE(0, info.si_status) | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

bool PidFd::wait_ended(Timeout timeout) const { return poll_readable(fd_.get(), timeout); }

}  // namespace millrace
