#include "millrace/sharing/os/poll.h"

#include <poll.h>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

bool poll_readable(int fd, Timeout timeout) {
  const Deadline deadline(timeout);
  for (;;) {
    timespec limit{};
    const Timeout left = deadline.left();
    if (left) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*left);
      limit = {seconds.count(), (*left - seconds).count()};
    }
    pollfd watched{fd, POLLIN, 0};
    const int n = ::ppoll(&watched, 1, left ? &limit : nullptr, nullptr);
    if (n >= 0) return n > 0;
    if (errno != EINTR) detail::throw_syscall_error(errno, "ppoll", fd);
  }
}

}  // namespace millrace
