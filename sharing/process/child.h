#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/child_entry.h"
#include "millrace/sharing/process/exit_status.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace {

struct ChildSpec {
  ChildEntry entry = nullptr;
  std::vector<std::byte> arguments;
  std::vector<int> fds;  ///< Borrowed during the call; the child gets duplicates.
  std::string name = "child";
};

/// A process that start_child() made. Move-only. Destroying the object neither kills the process nor waits for it. A
/// process that has ended by then is reaped at a later start; one that still runs when this process ends is killed and
/// reaped then.
///
/// Thread safety: like a container; kill() may be called from any thread while no other call modifies the object.
class Child {
 public:
  Child() = default;

  pid_t pid() const { return pid_; }

  /// The process's pidfd, for epoll: readable once the process has ended.
  const PidFd& pidfd() const { return *pidfd_; }

  /// Sends a signal; false when the process is gone already.
  bool kill(int signal) const { return pidfd_->kill(signal); }

  /// How the process ended; waits for that at most `timeout` (nullopt: for ever). nullopt while it runs. Where the fork
  /// server that should say how is stopped (SIGSTOP, a debugger), the kernel is asked, which takes a second more at
  /// most.
  std::optional<ExitStatus> wait(Timeout timeout);

  explicit operator bool() const { return pid_ != 0; }

 private:
  friend Child start_child(StartMethod method, const ChildSpec& spec);

  using SharedPidFd = std::shared_ptr<const PidFd>;

  Child(pid_t pid, SharedPidFd pidfd, OwnedFd status)
      : pid_(pid), pidfd_(std::move(pidfd)), status_(std::move(status)) {}

  ExitStatus collect();

  pid_t pid_ = 0;
  SharedPidFd pidfd_ = std::make_shared<const PidFd>();  // Shared with the list of this process's own children.
  OwnedFd status_;  // Here the fork server, which reaps its children, says how one ended; empty for our own child.
  std::optional<ExitStatus> ended_;
};

/// Starts a process. kForkServer and kSpawn need millrace::init() at the top of main. Thread-safe.
///
/// With kFork and kSpawn on another thread than the main one the child does not die with this process by itself: it has
/// to notice end of file on a socket. (The kernel's death signal would come when that thread ends.)
///
/// Throws SyscallError, FunctionError (the entry cannot be named), std::runtime_error with the fork server's reason
/// (the entry is not there either, no descriptors left), or std::logic_error when init() was not called.
Child start_child(StartMethod method, const ChildSpec& spec);

}  // namespace millrace
