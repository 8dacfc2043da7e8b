#include "millrace/sharing/os/poll.h"

#include <poll.h>

#include <algorithm>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

bool poll_readable(int fd, std::optional<std::chrono::nanoseconds> timeout) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (;;) {
    timespec limit{};
    if (timeout) {
      const auto left = std::max<std::chrono::nanoseconds>(*timeout - (Clock::now() - start), {});
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
      limit = {seconds.count(), (left - seconds).count()};
    }
    pollfd watched{fd, POLLIN, 0};
    const int n = ::ppoll(&watched, 1, timeout ? &limit : nullptr, nullptr);
    if (n >= 0) return n > 0;
    if (errno != EINTR) detail::throw_syscall_error(errno, "ppoll", fd);
  }
}

}  // namespace millrace
