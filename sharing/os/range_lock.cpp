#include "millrace/sharing/os/range_lock.h"

#include <fcntl.h>

#include <string>

#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

struct flock range(short type, uint64_t offset, uint64_t bytes) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = static_cast<off_t>(bytes);
  return lock;
}

}  // namespace

OwnedFd open_again(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return OwnedFd(MILLRACE_SYSCALL(::open(path.c_str(), O_RDWR | O_CLOEXEC), path));
}

void lock_range(int fd, uint64_t offset, uint64_t bytes) {
  struct flock lock = range(F_RDLCK, offset, bytes);
  MILLRACE_SYSCALL(::fcntl(fd, F_OFD_SETLK, &lock), fd, offset, bytes);
}

void unlock_range(int fd, uint64_t offset, uint64_t bytes) noexcept {
  struct flock lock = range(F_UNLCK, offset, bytes);
  ::fcntl(fd, F_OFD_SETLK, &lock);
}

bool is_locked_elsewhere(int fd, uint64_t offset, uint64_t bytes) {
  struct flock lock = range(F_WRLCK, offset, bytes);
  MILLRACE_SYSCALL(::fcntl(fd, F_OFD_GETLK, &lock), fd, offset, bytes);
  return lock.l_type != F_UNLCK;
}

}  // namespace millrace
