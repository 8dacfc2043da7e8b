#include "millrace/sharing/os/hidden_fork.h"
#include "millrace/sharing/os/start_thread.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace millrace {

HiddenChild fork_hidden() {
  // The low byte is the signal that the parent gets at the end: none. On the stack that we have, as fork() does it; of
  // the arguments behind, which differ from machine to machine, only the pidfd's address is used.
  constexpr long kFlags = CLONE_PIDFD;
  int pidfd = -1;
  const long pid = ::syscall(SYS_clone, kFlags, nullptr, &pidfd, nullptr, nullptr);
  if (pid < 0) detail::throw_start_error(errno, "fork");
  if (pid == 0) return {};
  return {static_cast<pid_t>(pid), PidFd(OwnedFd(pidfd))};
}

}  // namespace millrace
