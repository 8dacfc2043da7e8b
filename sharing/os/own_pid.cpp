#include "millrace/sharing/os/own_pid.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace millrace {
namespace {

using RememberedPid = std::atomic<pid_t>;
static_assert(RememberedPid::is_always_lock_free);

// Memory that the kernel empties in every child, so that no handler of forks has to be called, and none can be left
// out. nullptr where it cannot be had.
RememberedPid* make_remembered_pid() {
  constexpr size_t kPage = 4096;
  void* const page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (::madvise(page, kPage, MADV_WIPEONFORK) == 0) return new (page) RememberedPid(0);
  ::munmap(page, kPage);
  return nullptr;
}

// Made when the program is loaded, not at first use, which a child could be forked in the middle of.
RememberedPid* const remembered_pid = make_remembered_pid();

}  // namespace

pid_t own_pid() {
  if (remembered_pid == nullptr) return ::getpid();
  pid_t pid = remembered_pid->load(std::memory_order_relaxed);
  if (pid == 0) {
    pid = ::getpid();
    remembered_pid->store(pid, std::memory_order_relaxed);
  }
  return pid;
}

}  // namespace millrace
