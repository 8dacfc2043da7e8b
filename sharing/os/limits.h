#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

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

/// The largest file, or piece of shared memory, that `ulimit -f` lets this process make; nullopt where none is set.
std::optional<uint64_t> limit_of_file_size();

}  // namespace millrace
