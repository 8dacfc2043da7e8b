#include "millrace/sharing/os/event_fd.h"

#include <sys/eventfd.h>

#include <cstdint>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

EventFd::EventFd() : fd_(MILLRACE_SYSCALL(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {}

void EventFd::signal() const {
  const uint64_t one = 1;
  // EAGAIN means that the counter is full, hence not zero: the waiter wakes up anyway.
  const auto written = detail::retry_interrupted([&] { return ::write(fd_.get(), &one, sizeof one); });
  if (written < 0 && errno != EAGAIN) detail::throw_syscall_error(errno, "write", "eventfd", fd_.get());
}

void EventFd::clear() const {
  uint64_t count = 0;
  const auto got = detail::retry_interrupted([&] { return ::read(fd_.get(), &count, sizeof count); });
  if (got < 0 && errno != EAGAIN) detail::throw_syscall_error(errno, "read", "eventfd", fd_.get());
}

}  // namespace millrace
