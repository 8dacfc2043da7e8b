#include "millrace/sharing/process/exit_status.h"

#include <sys/wait.h>

#include <cstring>

namespace millrace {

std::optional<int> ExitStatus::code() const {
  if (wait_status_ == kUnknown || !WIFEXITED(wait_status_)) return std::nullopt;
  return WEXITSTATUS(wait_status_);
}

std::optional<int> ExitStatus::signal() const {
  if (wait_status_ == kUnknown || !WIFSIGNALED(wait_status_)) return std::nullopt;
  return WTERMSIG(wait_status_);
}

int ExitStatus::exitcode() const {
  if (const auto value = code()) return *value;
  if (const auto value = signal()) return -*value;
  return 255;
}

std::string ExitStatus::str() const {
  if (const auto value = code()) return "exited with code " + std::to_string(*value);
  if (const auto value = signal())
    return "was killed by signal " + std::to_string(*value) + " (" + signal_name(*value) + ")";
  return "ended together with the fork server";
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace millrace
