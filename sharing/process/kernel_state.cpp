#include "millrace/sharing/process/kernel_state.h"

#include <sys/syscall.h>

#include <charconv>
#include <fstream>
#include <utility>

#include "millrace/sharing/process/process_stat.h"

namespace millrace {
namespace {

// The system calls in which a process waits, as far as every architecture has them.
constexpr std::pair<int, const char*> kNames[] = {
    {SYS_read, "read"},           {SYS_readv, "readv"},
    {SYS_pread64, "pread64"},     {SYS_write, "write"},
    {SYS_openat, "openat"},       {SYS_close, "close"},
    {SYS_fsync, "fsync"},         {SYS_fstat, "fstat"},
    {SYS_statx, "statx"},         {SYS_getdents64, "getdents64"},
    {SYS_futex, "futex"},         {SYS_recvmsg, "recvmsg"},
    {SYS_recvfrom, "recvfrom"},   {SYS_sendmsg, "sendmsg"},
    {SYS_connect, "connect"},     {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},   {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_wait4, "wait4"},         {SYS_waitid, "waitid"},
    {SYS_flock, "flock"},         {SYS_fcntl, "fcntl"},
    {SYS_nanosleep, "nanosleep"}, {SYS_clock_nanosleep, "clock_nanosleep"},
};

std::string first_line(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::string line;
  std::getline(file, line);
  return line;
}

// " in the system call read"; empty for what is none.
std::string in_system_call(std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return {};                 // "running", or it may not be read.
  if (number < 0) return " outside of a system call";  // A page of a mapped file.
  for (const auto& [known, name] : kNames)
    if (known == number) return std::string(" in the system call ") + name;
  return " in the system call " + std::to_string(number);
}

}  // namespace

KernelState detail::kernel_state(char letter, std::string_view wait_channel, std::string_view system_call) {
  switch (letter) {
    case 'T':
    case 't':
      return {"stopped", true};
    case 'Z':
    case 'X':
      return {"ended", false};
    case 'R':
      return {"running", false};
    default:
      break;
  }
  const bool is_stuck = letter == 'D';
  if (!wait_channel.empty() && wait_channel != "0") return {"waits in " + std::string(wait_channel), is_stuck};
  return {(is_stuck ? "waits" : "sleeps") + in_system_call(system_call), is_stuck};
}

KernelState kernel_state(pid_t pid) {
  const auto stat = detail::process_stat(pid);
  if (!stat) return {};
  return detail::kernel_state(stat->state, first_line(pid, "wchan"), first_line(pid, "syscall"));
}

std::string process_and_state(pid_t pid) {
  const std::string state = kernel_state(pid).text;
  return "process " + std::to_string(pid) + (state.empty() ? state : " (" + state + ")");
}

}  // namespace millrace
