#include "millrace/sharing/os/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include "millrace/sharing/os/syscall.h"

namespace millrace {

void open_closed_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The lowest number that is free is this one. Not O_CLOEXEC: programs executed afresh have the same streams.
    const int fd = detail::retry_interrupted([] { return ::open("/dev/null", O_RDWR); });
    if (fd < 0) detail::throw_syscall_error(errno, "open", "/dev/null", "for the closed standard stream", stream);
    if (fd != stream) ::close(fd);  // Another thread was quicker, and the stream is open.
  }
}

}  // namespace millrace
