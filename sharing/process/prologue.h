#pragma once

#include <sys/types.h>

#include <span>
#include <string>

namespace millrace {

/// What the first instructions of a child do before its own code runs.
struct Prologue {
  std::string name;  ///< Shown by ps and top; cut to 15 characters by the kernel.
  pid_t parent = 0;  ///< The process whose death must be ours.

  /// Whether the kernel kills the child with its parent: on_main_thread() of the parent. The kernel's death signal
  /// comes when the *thread* that forked the child ends, and only the main thread is sure to live as long as the
  /// process. A child without that signal has to watch for end of file on a socket.
  bool die_with_parent = true;
};

/// True on the thread that main() runs on.
bool on_main_thread();

/// Prepares a child: restores default signal handling (SIGINT stays ignored: the trainer decides when Ctrl-C is
/// pressed), arranges to be killed with the parent, and lets the out-of-memory killer prefer this process. The child
/// calls it once, first.
void run_prologue(const Prologue& prologue);

/// Closes every descriptor above 2 that is not in `keep`.
void close_all_descriptors_except(std::span<const int> keep);

}  // namespace millrace
