#include "millrace/sharing/process/prologue.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/syscall.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace millrace {
namespace {

void restore_signals() {
  // Set once each, not to the default first: a Ctrl-C in between would kill us.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);  // A closed socket is an error to report, not a reason to die;
  ::signal(SIGXFSZ, SIG_IGN);  // and so is a file that has reached its limit.
  for (int signal = 1; signal < NSIG; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP && signal != SIGINT && signal != SIGPIPE && signal != SIGXFSZ)
      ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void die_with(pid_t parent) {
  MILLRACE_SYSCALL(::prctl(PR_SET_PDEATHSIG, SIGKILL));
  // The parent may have died before the line above.
  if (::getppid() != parent) ::_exit(1);
}

// Raising one's own score needs no privilege. Where /proc is read-only the kernel's own choice has to do.
void volunteer_for_the_oom_killer() {
  const OwnedFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), "500", 3) < 0) errno = 0;
}

void close_range_of_descriptors(unsigned first, unsigned last) {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, 0) == 0) return;
  // Kernels before 5.9, and sandboxes that refuse the call.
  std::vector<int> open;
  if (DIR* directory = ::opendir("/proc/self/fd")) {
    while (const dirent* entry = ::readdir(directory)) {
      const int fd = std::atoi(entry->d_name);
      if (fd != ::dirfd(directory) && entry->d_name[0] != '.') open.push_back(fd);
    }
    ::closedir(directory);
  }
  for (const int fd : open)
    if (static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) <= last) ::close(fd);
}

}  // namespace

bool on_main_thread() { return ::gettid() == ::getpid(); }

void run_prologue(const Prologue& prologue) {
  restore_signals();
  ::prctl(PR_SET_NAME, prologue.name.c_str());
  if (prologue.die_with_parent) die_with(prologue.parent);
  volunteer_for_the_oom_killer();
}

void close_all_descriptors_except(std::span<const int> keep) {
  std::vector<int> sorted(keep.begin(), keep.end());
  std::sort(sorted.begin(), sorted.end());
  unsigned next = 3;
  for (const int fd : sorted) {
    if (fd < 3) continue;
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) close_range_of_descriptors(next, kept - 1);
    next = std::max(next, kept + 1);
  }
  close_range_of_descriptors(next, UINT_MAX);
}

}  // namespace millrace
