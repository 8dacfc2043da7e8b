#include "millrace/sharing/sync/process_identity.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::multiprocessing::detail {
namespace {

// Both are asked for at every acquire, and a system call would double its cost. A fork makes them false.
std::atomic<pid_t> known_pid{0};
std::atomic<uint64_t> known_start{0};
thread_local pid_t known_thread = 0;

// Registered at load, not at the first use: see at_fork().
[[maybe_unused]] const bool kForgetsAfterFork = [] {
  at_fork(ForkRank::kIdentity, {nullptr, nullptr, [] {
                                  known_pid = 0;
                                  known_thread = 0;
                                }});
  return true;
}();

struct Stat {
  char state = 0;
  uint64_t start_time = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
  const OwnedFd file(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::array<char, 1024> buffer;
  const auto got = ::read(file.get(), buffer.data(), buffer.size());
  if (got <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<size_t>(got));
  // The command's name, in parentheses, may contain anything. The state follows it as field 3; 22 is the start time.
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == text.npos || end_of_name + 2 >= text.size()) return std::nullopt;
  text.remove_prefix(end_of_name + 2);
  Stat stat{text.front(), 0};
  for (int field = 3; field < 22; ++field) {
    const size_t space = text.find(' ');
    if (space == text.npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  std::from_chars(text.data(), text.data() + text.size(), stat.start_time);
  return stat;
}

}  // namespace

ProcessIdentity this_process() {
  const pid_t pid = known_pid.load(std::memory_order_acquire);
  if (pid != 0) return {pid, known_start.load(std::memory_order_relaxed)};
  const auto stat = read_stat(::getpid());
  const ProcessIdentity self{::getpid(), stat ? stat->start_time : 0};
  known_start.store(self.start_time, std::memory_order_relaxed);
  known_pid.store(self.pid, std::memory_order_release);  // With the acquire above.
  return self;
}

bool is_alive(const ProcessIdentity& process) {
  if (::kill(process.pid, 0) < 0 && errno == ESRCH) return false;
  const auto stat = read_stat(process.pid);
  if (!stat) return true;
  return stat->state != 'Z' && stat->state != 'X' && stat->start_time == process.start_time;
}

pid_t this_thread() {
  if (known_thread == 0) known_thread = ::gettid();
  return known_thread;
}

}  // namespace millrace::multiprocessing::detail
