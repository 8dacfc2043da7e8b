#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Refers to one process for good: the process's number may be reused after its death, but the pidfd never means
/// another process. Readable (for epoll) once the process has ended. A pidfd may be received over a socket, and then
/// works on processes that are not our children.
class PidFd {
 public:
  PidFd() = default;
  explicit PidFd(OwnedFd fd) : fd_(std::move(fd)) {}

  /// Opens the pidfd of a process. REQUIRES: `pid` is a child of ours that has not been reaped, else it may already be
  /// another process.
  static PidFd open(pid_t pid);

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

  /// Gives the descriptor away, to be sent.
  OwnedFd take() { return std::move(fd_); }

  /// Sends a signal; false when the process is already gone.
  bool kill(int signal) const;

  /// Sends a signal. Does nothing where this process may not signal the other one, as it has given up its privileges
  /// since it started it.
  void kill_if_allowed(int signal) const;

  /// True once the process has ended; waits for that at most `timeout` (nullopt: for ever).
  bool wait_ended(Timeout timeout) const;

  /// Waits for the end of a child of ours and takes its status away (waitpid()'s encoding), so that it is no zombie.
  /// nullopt when the process is not our child, or when its status has been taken already.
  std::optional<int> reap() const;

 private:
  OwnedFd fd_;
};

}  // namespace millrace
