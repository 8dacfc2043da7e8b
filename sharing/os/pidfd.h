#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Refers to one process for good: its number may be reused after its death, the pidfd never means another process.
/// Readable (for epoll) once the process has ended. May be received over a socket and then works on processes that are
/// not our children.
class PidFd {
 public:
  PidFd() = default;
  explicit PidFd(OwnedFd fd) : fd_(std::move(fd)) {}

  /// REQUIRES: `pid` is a child of ours that has not been reaped, else it may already be somebody else.
  static PidFd open(pid_t pid);

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

  /// Gives the descriptor away, to send it.
  OwnedFd take() { return std::move(fd_); }

  /// Sends a signal; false when the process is already gone.
  bool kill(int signal) const;

  /// As kill(), but a process that has given up its privileges since it started the other may send it none, and then
  /// nothing happens.
  void kill_if_allowed(int signal) const;

  /// True once the process has ended; waits for that at most `timeout` (nullopt: for ever).
  bool wait_ended(Timeout timeout) const;

  /// Waits for the end of a child of ours and takes its status away (waitpid()'s encoding), so that it is no zombie.
  /// nullopt when it is not our child, or somebody else has taken the status already.
  std::optional<int> reap() const;

 private:
  OwnedFd fd_;
};

}  // namespace millrace
