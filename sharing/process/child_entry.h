#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// What a child runs. Receives the arguments' bytes and the descriptors of its ChildSpec, in their order, and returns
/// the exit code. An exception ends the child with its type, text and backtrace on stderr and exit code 1. Either way,
/// and in std::exit(), the handlers that the child itself has registered with atexit() run, none of those it has from
/// its parent, and output is flushed.
using ChildEntry = int (*)(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

namespace detail {

/// Runs the entry in a child, then at_process_end()'s handlers, and gives the exit code.
int run_entry(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
              const std::string& name);

/// The end of std::exit() in a child, from wherever, as on_exit() wants it: what the child registered with atexit() has
/// run by then; the rest, copied from the parent with its memory, is not the child's to run, nor are its static
/// destructors.
[[noreturn]] void leave(int code, void* unused);

/// Runs the entry in a child and ends it as ChildEntry says, by std::exit(). Not in a fork of a process with threads:
/// the list of what is done at exit has a lock, which one of them may have held.
[[noreturn]] void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
                            const std::string& name);

}  // namespace detail
}  // namespace millrace
