#include "millrace/tests/fake_cuda/driver/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "millrace/tests/fake_cuda/driver/knobs.h"
#include "millrace/tests/fake_cuda/driver/machine.h"
#include "millrace/tests/fake_cuda/driver/streams.h"

namespace fake_cuda {
namespace {

std::atomic<pid_t> user = 0;  // The process that called cuInit; a child forked off it cannot use the driver.
std::atomic<bool> ended = false;

// State and start time of /proc/PID/stat; an empty state for no such process.
std::pair<char, unsigned long long> state_of(pid_t pid) {
  // Not by a stream, which throws when the process ends between open() and read().
  const int file = ::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {'\0', 0};
  char buffer[1024];
  const ssize_t got = ::read(file, buffer, sizeof buffer);
  ::close(file);
  const std::string text(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  const size_t name_end = text.rfind(')');
  if (name_end == text.npos) return {'\0', 0};
  char state = 0;
  unsigned long long started = 0;
  constexpr const char* kFields = " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu";
  if (std::sscanf(text.c_str() + name_end + 1, kFields, &state, &started) != 2) return {'\0', 0};
  return {state, started};
}

// Registered when the library is loaded, so it runs before what was constructed earlier is destroyed: the program's
// static objects meet a driver that is shut down, as with the real one.
const int registered = std::atexit([] {
  if (user != ::getpid()) return;
  ended = true;
  end_streams();
  leave_machine();
});

}  // namespace

Process this_process() {
  static const Process process{::getpid(), state_of(::getpid()).second};
  return process;
}

bool is_alive(const Process& process) {
  const auto [state, started] = state_of(process.pid);
  return started == process.started && state != '\0' && state != 'Z' && state != 'X';
}

Result usable() {
  if (user != ::getpid()) return kNotInitialized;
  return ended ? kDeinitialized : kSuccess;
}

Result cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  if (knobs.init_result != 0) return static_cast<Result>(knobs.init_result);
  if (knobs.devices == 0) return kNoDevice;
  pid_t nobody = 0;
  if (!user.compare_exchange_strong(nobody, ::getpid()) && nobody != ::getpid()) return kNotInitialized;
  enter_machine();
  return kSuccess;
}

}  // namespace fake_cuda
