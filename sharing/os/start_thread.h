#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace millrace {
namespace detail {

/// Throws the SyscallError of a call that should have started a process or a thread, and names the limit behind it.
[[noreturn]] void throw_start_error(int error, const std::string& call);

}  // namespace detail

/// Starts a std::thread. Throws SyscallError, which names the limit behind it.
template <class Body>
std::thread start_thread(Body&& body) {
  try {
    return std::thread(std::forward<Body>(body));
  } catch (const std::system_error& e) {
    detail::throw_start_error(e.code().value(), "start of a thread");
  }
}

}  // namespace millrace
