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

/// Is called with a notice: a text for people, in most cases one line, without a line end.
using NoticeHandler = void (*)(NoticeLevel level, std::string_view text);

/// From now on `handler` gets all that Millrace has to say while no call fails: a worker that died and was replaced,
/// samples that were left out, memory that could not be pinned, a wait that takes long. Null is the handler of the
/// start, which writes warnings and errors to stderr, a line each. Returns the one before.
///
/// Handlers are called on the thread that has something to say, and on several at a time; one that was replaced may
/// still be running when this returns. What a handler throws is written to stderr and harms nobody. It must not call
/// what the notice may come from: a loader, a pool.
///
/// Thread-safe. A forked child has its parent's handler; other processes of ours begin with that of the start.
NoticeHandler set_notice_handler(NoticeHandler handler);

/// Waits that are longer are told of: those for a pool's result, for a process to end and for the fork server; once
/// after this time, and again whenever the wait is twice as long. 10 s at the start; zero or less: they are not told
/// of. Loaders have an option of their own, DataLoaderOptions::notice_after(). Thread-safe.
void set_notice_after(std::chrono::milliseconds wait);

/// The same, as a Timeout: one without an end for no notices.
Timeout notice_after();

/// Gives a notice to the handler.
void tell(NoticeLevel level, std::string_view text) noexcept;

}  // namespace millrace
