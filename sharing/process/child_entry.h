#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// What a child runs. It receives the arguments' bytes and the descriptors of its ChildSpec, in their order, and
/// returns the exit code. An exception ends the child with its type, text and backtrace on stderr and exit code 1.
/// Either way, and in std::exit(), output is flushed, and the handlers run that the child itself has registered with
/// atexit(), but none of those it has from its parent.
using ChildEntry = int (*)(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

namespace detail {

/// Runs the entry in a child, then at_process_end()'s handlers, and gives the exit code.
int run_entry(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
              const std::string& name);

/// Ends a child inside std::exit(), wherever that was called; registered with on_exit(). By then, what the child
/// registered with atexit() has run. The rest was copied from the parent with its memory: neither that nor its static
/// destructors are the child's to run.
[[noreturn]] void leave(int code, void* unused);

/// Runs the entry in a child and ends it as ChildEntry says, by std::exit(). A fork of a process with threads must not
/// call it: the list of what is done at exit has a lock, which one of the threads may have held.
[[noreturn]] void run_child(ChildEntry entry, std::span<const std::byte> arguments, std::vector<OwnedFd> fds,
                            const std::string& name);

}  // namespace detail
}  // namespace millrace
