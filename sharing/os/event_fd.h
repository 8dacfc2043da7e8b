#pragma once

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// A counter that makes epoll wake up. signal() may be called from any thread and, on a copy of the descriptor, from
/// any process; a signal that comes before the wait is not lost.
class EventFd {
 public:
  EventFd();
  explicit EventFd(OwnedFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void signal() const;

  /// Forgets the signals that came so far.
  void clear() const;

 private:
  OwnedFd fd_;
};

}  // namespace millrace
