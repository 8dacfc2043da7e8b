#include "millrace/sharing/channel/wait.h"

#include <poll.h>

#include <cerrno>
#include <stdexcept>

#include "millrace/sharing/os/syscall.h"

namespace millrace::multiprocessing {

std::vector<size_t> wait(std::span<const Waitable> objects, Timeout timeout) {
  if (objects.empty() && !timeout) throw std::invalid_argument("wait() was given neither objects nor a timeout");
  std::vector<pollfd> watched;
  watched.reserve(2 * objects.size());
  for (const auto& object : objects)
    for (const int fd : object.fds()) watched.push_back({fd, POLLIN, 0});
  std::vector<size_t> ready;
  if (detail::poll_until(watched, detail::Deadline(timeout)) == 0) return ready;
  for (size_t i = 0; i < objects.size(); ++i)
    if (watched[2 * i].revents != 0 || watched[2 * i + 1].revents != 0) ready.push_back(i);
  return ready;
}

std::vector<size_t> wait(std::initializer_list<Waitable> objects, Timeout timeout) {
  return wait(std::span(objects.begin(), objects.size()), timeout);
}

namespace detail {

int poll_until(std::span<pollfd> watched, const Deadline& deadline) {
  // A clock cannot say "for ever"; a day is as good, and then it asks again.
  constexpr std::chrono::nanoseconds kSlice = std::chrono::hours(24);
  for (;;) {
    const auto left = deadline.left(kSlice);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec limit{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    const int ready = ::ppoll(watched.data(), watched.size(), &limit, nullptr);
    if (ready > 0) return ready;
    if (ready < 0 && errno != EINTR) millrace::detail::throw_syscall_error(errno, "ppoll", watched.size());
    if (deadline.passed()) return 0;
  }
}

}  // namespace detail
}  // namespace millrace::multiprocessing
