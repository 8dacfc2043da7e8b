#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// What a child runs. Receives the arguments' bytes and the descriptors of its ChildSpec, in their order, and returns
/// the exit code. An exception ends the child with its type, text and backtrace on stderr and exit code 1. std::exit()
/// ends it as returning does: output is flushed, and of handlers only those that the child itself registered run.
using ChildEntry = int (*)(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

namespace detail {

/// Runs the entry in a child and ends it as ChildEntry says, except for std::exit().
[[noreturn]] void run_entry(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
                            const std::string& name);

/// For std::exit() in a child, from wherever, as on_exit() wants it: what the child registered with atexit() has run by
/// then; the rest, copied from the parent with its memory, is not the child's to run, nor are its static destructors.
[[noreturn]] void leave(int code, void* unused);

/// run_entry() in a child whose std::exit() ends with leave(). Not in a fork of a process with threads: the list of
/// what is done at exit has a lock, which one of them may have held.
[[noreturn]] void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
                            const std::string& name);

}  // namespace detail
}  // namespace millrace
