#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace millrace {

/// Sleeps while `word` holds `expected`, at most `timeout`. Returns on a wake-up, a signal, a changed word or the
/// deadline alike: callers look again. Works across processes on a word in shared memory.
void futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, std::chrono::nanoseconds timeout);

/// Wakes every sleeper on `word`.
void futex_wake_all(const std::atomic<uint32_t>& word);

/// Wakes one sleeper on `word`.
void futex_wake_one(const std::atomic<uint32_t>& word);

}  // namespace millrace
