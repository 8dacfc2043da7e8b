#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

/// What `ulimit` allows this process. An error that comes of such a limit names it and the cure.
namespace millrace {

/// Which limit `error`, an errno, speaks of and what to do, to stand behind the error's own text:
/// "; this process may have 64 files open: start it with a higher limit (ulimit -n)". Empty where none is known.
std::string limit_behind(int error);

/// The same for EAGAIN of what starts processes and threads, which means other things elsewhere.
std::string limit_behind_start(int error);

/// The smallest pids.max of our cgroup and those above it; nullopt where none is set. `root` stands in for "/" in
/// tests.
std::optional<uint64_t> limit_of_pids(const std::string& root = "");

/// What an exception says, and the limit behind it where memory was not to be had.
std::string text_with_limit(const std::exception& error);

/// Throws SyscallError if `ulimit -f` forbids a file, or a piece of shared memory, of that size; `what` says whose.
/// Asked before, since the kernel does not only fail the call but ends the process by SIGXFSZ.
void require_file_size(uint64_t bytes, const std::string& what);

namespace detail {

/// Throws the SyscallError of a call that should have started a process or a thread.
[[noreturn]] void throw_start_error(int error, const std::string& call);

}  // namespace detail

/// std::thread with an error that names the limit.
template <class Body>
std::thread start_thread(Body&& body) {
  try {
    return std::thread(std::forward<Body>(body));
  } catch (const std::system_error& e) {
    detail::throw_start_error(e.code().value(), "start of a thread");
  }
}

}  // namespace millrace
