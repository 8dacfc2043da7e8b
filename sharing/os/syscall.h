#pragma once

#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "millrace/sharing/os/printable.h"

namespace millrace {

/// A system call that failed: its name, what it was given, errno, and the limit of this process (ulimit) behind it, as
/// "open(/no/such/file): No such file or directory". code().value() is the errno.
class SyscallError : public std::system_error {
 public:
  SyscallError(int error, const std::string& what);

  /// An error with the text about limits that limit_behind() gives.
  SyscallError(int error, const std::string& what, const std::string& limit);

  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // An exception copies it without throwing, as it has to.
};

namespace detail {

constexpr size_t kLongestCall = 1000;  // A path may have 4096.

/// What a user knows a call by: "open" of "::open(path.c_str(), O_RDONLY)", "pidfd_open" of "::syscall(SYS_pidfd_open,
/// pid, 0)".
std::string name_of_call(std::string_view call);

/// Throws SyscallError with the text "call(argument, argument)".
template <class... Arguments>
[[noreturn]] void throw_syscall_error(int error, std::string_view call, const Arguments&... arguments) {
  std::ostringstream out;
  out << name_of_call(call) << '(';
  [[maybe_unused]] const char* separator = "";
  ((out << separator << arguments, separator = ", "), ...);
  out << ')';
  throw SyscallError(error, printable(out.str(), kLongestCall));
}

/// Repeats `call` while a signal interrupts it.
template <class Call>
auto retry_interrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace detail

/// MILLRACE_SYSCALL(open(path, O_RDONLY), path): the call's result; retried on EINTR; on failure throws SyscallError
/// with the call's name, errno's text and the values named after it.
#define MILLRACE_SYSCALL(call, ...)                                                                            \
  ([&] {                                                                                                       \
    const auto millrace_result = ::millrace::detail::retry_interrupted([&] { return call; });                  \
    if (millrace_result < 0) ::millrace::detail::throw_syscall_error(errno, #call __VA_OPT__(, ) __VA_ARGS__); \
    return millrace_result;                                                                                    \
  }())

}  // namespace millrace
