#include "millrace/sharing/os/epoll.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <climits>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

Epoll::Epoll() : fd_(MILLRACE_SYSCALL(::epoll_create1(EPOLL_CLOEXEC))) {}

void Epoll::add(int fd, uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  MILLRACE_SYSCALL(::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event), fd);
}

void Epoll::remove(int fd) { MILLRACE_SYSCALL(::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr), fd); }

const std::vector<uint64_t>& Epoll::wait(Timeout timeout) {
  int timeout_ms = -1;
  if (timeout) {
    // Rounded up: a wait that ends early would make its caller spin.
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    timeout_ms = static_cast<int>(std::clamp<int64_t>(ms, 0, INT_MAX));
  }
  std::array<epoll_event, 64> events;
  const int n = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  if (n < 0 && errno != EINTR) detail::throw_syscall_error(errno, "epoll_wait", timeout_ms);
  ready_.clear();
  for (int i = 0; i < n; ++i) ready_.push_back(events[static_cast<size_t>(i)].data.u64);
  return ready_;
}

}  // namespace millrace
