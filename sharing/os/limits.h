#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

/// What `ulimit` allows this process. An error that such a limit causes names the limit and the cure.
namespace millrace {

/// The limit that `error`, an errno, comes from, and what to do, to stand behind the error's own text: "; this process
/// may have 64 files open: start it with a higher limit (ulimit -n)". Empty where no limit is known.
std::string limit_behind(int error);

/// The limit behind an EAGAIN of a call that starts a process or a thread; elsewhere EAGAIN means other things.
std::string limit_behind_start(int error);

/// The smallest pids.max of our cgroup and those above it; nullopt where none is set. `root` stands in for "/" in
/// tests.
std::optional<uint64_t> limit_of_pids(const std::string& root = "");

/// What an exception says, with the limit behind it where it is about a lack of memory.
std::string text_with_limit(const std::exception& error);

/// The largest file, or piece of shared memory, that `ulimit -f` lets this process make; nullopt where none is set.
std::optional<uint64_t> limit_of_file_size();

}  // namespace millrace
