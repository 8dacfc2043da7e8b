#pragma once

namespace millrace {

/// Has `handler` called once when this process ends by itself: when main() returns, when the function of a process of
/// ours returns, or in exit(). The processes that it has started are joined before, as then they always are. Of several
/// handlers the latest comes first; one given twice is called once. A forked child starts without any. Thread-safe.
void at_process_end(void (*handler)() noexcept);

namespace detail {

/// Has `join` called at every end before the handlers: it joins the processes that this one has started, should there
/// be any. Of a program one function, which forked children keep.
void join_before_process_end(void (*join)());

/// Calls the handlers at an end that exit() does not see.
void run_process_end_handlers() noexcept;

/// For a thread that runs on while the process ends: it sees its workers end, and would start others. It is held for
/// three seconds, as an exception out of it would turn a good end into a crash; not for ever, as somebody may still
/// wait for it. Then std::runtime_error.
[[noreturn]] void refuse_start_at_process_end();

}  // namespace detail
}  // namespace millrace
