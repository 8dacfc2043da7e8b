#include "millrace/records/run_lock.h"

#include <fcntl.h>
#include <sys/types.h>

#include <cerrno>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::records {
namespace {

struct flock whole_file() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Whether it is locked; false where another process has the lock. True where there are no locks.
bool try_to_lock(int fd) {
  struct flock lock = whole_file();
  const int result = detail::retry_interrupted([&] { return ::fcntl(fd, F_SETLK, &lock); });
  return result == 0 || (errno != EACCES && errno != EAGAIN);
}

// "process 4711"; nothing where the lock is free by now. Processes of other containers have no number here.
std::string holder_of(int fd) {
  struct flock lock = whole_file();
  MILLRACE_SYSCALL(::fcntl(fd, F_GETLK, &lock), fd);
  if (lock.l_type == F_UNLCK) return "";
  return lock.l_pid > 0 ? "process " + std::to_string(lock.l_pid) : "a process of another container or machine";
}

}  // namespace

RunLock::RunLock(const std::string& folder) {
  const std::string path = folder + "/run.lock";
  fd_ = OwnedFd(detail::retry_interrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }));
  if (!fd_) throw SyscallError(errno, "cannot write " + in_quotes(path));
  while (!try_to_lock(fd_.get())) {
    const std::string holder = holder_of(fd_.get());
    if (!holder.empty())
      throw std::runtime_error("the run in " + in_quotes(folder) + " is being trained by " + holder +
                               "; wait for its end, or stop it");
  }
}

}  // namespace millrace::records
