#pragma once

#include <optional>
#include <string>

namespace millrace {

/// How a process ended. A value made from the status that waitpid() gives.
class ExitStatus {
 public:
  explicit ExitStatus(int wait_status) : wait_status_(wait_status) {}

  /// The status of a process whose end nobody could watch, because the fork server that would reap it died first.
  static ExitStatus unknown() { return ExitStatus(kUnknown); }

  std::optional<int> code() const;    ///< What the process gave to exit(), if it did.
  std::optional<int> signal() const;  ///< The signal that killed it, if one did.

  /// Python's exitcode: the exit code, or minus the signal; 255 where it is unknown.
  int exitcode() const;

  /// The end in words: "was killed by signal 9 (SIGKILL)", "exited with code 3".
  std::string str() const;

 private:
  static constexpr int kUnknown = -1;

  int wait_status_;
};

/// The signal's name: "SIGKILL"; "signal 77" for a number without a name.
std::string signal_name(int signal);

}  // namespace millrace
