#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "millrace/sharing/os/deadline.h"

namespace millrace {

/// How much a notice matters.
enum class NoticeLevel : uint8_t {
  kInfo,     ///< Nothing is wrong as far as anybody knows: join() has waited for long for a process that is at work.
  kWarning,  ///< Something was lost, is slower than it could be, or waits for longer than it should.
  kError,    ///< A function of the program's own threw where nobody can catch it.
};

/// A function that is called with a notice: a text for people, in most cases one line, without a line end.
using NoticeHandler = void (*)(NoticeLevel level, std::string_view text);

/// Sets the handler, which from now on gets all that Millrace has to say while no call fails: a worker that died and
/// was replaced, samples that were left out, memory that could not be pinned, a wait that takes long. Null stands for
/// the first handler, which writes warnings and errors to stderr, a line each. Returns the handler before.
///
/// Handlers are called on the thread that has something to say, and on several at a time; one that was replaced may
/// still be running when this returns. An exception of a handler is written to stderr and harms nobody. A handler must
/// not call what the notice may come from: a loader, a pool.
///
/// Thread-safe. A forked child has its parent's handler; other processes of ours begin with the first one. So what is
/// told in a worker process (of a dataset that is made there by recipe(), say) goes to stderr, which it shares with
/// this process; only where it is a fork (StartMethod::kFork) does it call the handler, in its copy of this process.
NoticeHandler set_notice_handler(NoticeHandler handler);

/// Sets how long a wait takes before a notice tells of it; another notice follows whenever the wait is twice as long.
/// This is about waits for a pool's result, for a process to end and for the fork server. 10 s at first; zero or less:
/// no notices. Loaders have an option of their own, DataLoaderOptions::notice_after(). Thread-safe.
void set_notice_after(std::chrono::milliseconds wait);

/// How long a wait takes before a notice tells of it; a Timeout without an end means no notices.
Timeout notice_after();

/// Gives a notice to the handler.
void tell(NoticeLevel level, std::string_view text) noexcept;

}  // namespace millrace
