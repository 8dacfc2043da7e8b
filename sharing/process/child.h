#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/exit_status.h"
#include "millrace/sharing/process/start_method.h"
#include "millrace/sharing/sync/deadline.h"

namespace millrace {

/// What a child runs. Receives the arguments' bytes and the descriptors of its ChildSpec, in their order, and returns
/// the exit code. An exception ends the child with its type, text and backtrace on stderr and exit code 1. std::exit()
/// ends it as returning does: output is flushed, and of handlers only those that the child itself registered run.
using ChildEntry = int (*)(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

struct ChildSpec {
  ChildEntry entry = nullptr;
  std::vector<std::byte> arguments;
  std::vector<int> fds;  ///< Borrowed during the call; the child gets duplicates.
  std::string name = "child";
};

/// A process that start_child() made. Move-only. Destroying it neither kills nor waits: what has ended by then is
/// reaped at a later start, and what still runs when this process ends is killed and reaped then.
///
/// Thread safety: like a container; kill() may be called from any thread while no other call modifies the object.
class Child {
 public:
  Child() = default;

  pid_t pid() const { return pid_; }

  /// For epoll: readable once the process has ended.
  const PidFd& pidfd() const { return *pidfd_; }

  /// False when the process is gone already.
  bool kill(int signal) const { return pidfd_->kill(signal); }

  /// How it ended; waits for that at most `timeout` (nullopt: for ever). nullopt while it runs. Where the fork
  /// server that should say how is stopped (SIGSTOP, a debugger), the kernel is asked; that takes a second more at
  /// most.
  std::optional<ExitStatus> wait(Timeout timeout);

  explicit operator bool() const { return pid_ != 0; }

 private:
  friend Child start_child(StartMethod method, const ChildSpec& spec);
  friend class ForkServer;

  using SharedPidFd = std::shared_ptr<const PidFd>;

  Child(pid_t pid, SharedPidFd pidfd, OwnedFd status)
      : pid_(pid), pidfd_(std::move(pidfd)), status_(std::move(status)) {}

  ExitStatus collect();

  pid_t pid_ = 0;
  SharedPidFd pidfd_ = std::make_shared<const PidFd>();  // Shared with the list of this process's own children.
  OwnedFd status_;  // Here the fork server, which reaps for us, says how it ended; empty for our own child.
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

namespace detail {

/// As process.kill(), but a process that has given up its privileges since it started the other may send it none, and
/// then nothing happens.
void signal_if_allowed(const PidFd& process, int signal);

/// Kills and reaps a child of this process that cannot be handed to anybody, so that it does not run unowned.
void abandon(pid_t child);

/// Writes the exception being handled to stderr, in the name of a process. REQUIRES: inside a catch block.
void print_current_exception(const std::string& process);

/// A child spec as it crosses a socket, and the end of the road in the child: runs the entry and exits.
[[noreturn]] void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
                            const std::string& name);

}  // namespace detail
}  // namespace millrace
