#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "millrace/loader/engine/events.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"

namespace millrace {

/// Events by the monotonic clock and by descriptors.
class EpollEvents final : public Events {
 public:
  /// Borrows the two: `done`, the done bell, which wait() clears, and `returned`, which Arena::stop_waiting() clears.
  EpollEvents(const EventFd& done, const EventFd& returned);

  /// Watches a worker, which may have ended whenever the pidfd `fd` is readable. The caller keeps it open until
  /// forget().
  void watch(size_t worker, int fd);
  void forget(int fd) { epoll_.remove(fd); }

  Time now() const override { return std::chrono::steady_clock::now(); }
  const std::vector<size_t>& wait(std::chrono::nanoseconds limit) override;
  bool look_for_a_while(const std::function<bool()>& look) override;

 private:
  const EventFd& done_;
  Epoll epoll_;
  std::vector<size_t> workers_;
};

}  // namespace millrace
