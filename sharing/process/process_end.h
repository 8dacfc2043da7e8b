#pragma once

namespace millrace {

/// Has `handler` called once when this process ends by itself: when main() returns, when the function of a process of
/// ours returns, or in exit(). The processes that this one has started are joined before. Handlers are called the
/// latest first; one given twice is called once. A forked child starts without handlers. Thread-safe.
void at_process_end(void (*handler)() noexcept);

namespace detail {

/// Has `join` called at every end before the handlers, to join the processes that this one has started, should there be
/// any. A program has one such function, which forked children keep.
void join_before_process_end(void (*join)());

/// Calls the handlers at an end of which exit() does not know.
void run_process_end_handlers() noexcept;

/// Holds a thread that runs on while the process ends, sees its workers end, and would start others. After three
/// seconds throws std::runtime_error. The delay is there because an exception out of the thread would turn a good end
/// into a crash; it is not for ever, as somebody may still wait for the thread.
[[noreturn]] void refuse_start_at_process_end();

}  // namespace detail
}  // namespace millrace
