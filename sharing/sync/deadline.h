#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace millrace::multiprocessing {

/// How long to wait: nullopt for ever, zero or less not at all. std::chrono durations convert to it.
using Timeout = std::optional<std::chrono::nanoseconds>;

namespace detail {

/// The moment at which a wait ends, on the monotonic clock: setting the time of day changes nothing.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() { return Deadline(std::nullopt); }

  explicit Deadline(Timeout timeout) {
    // A longer wait is one for ever, and would overflow the clock.
    constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
    if (timeout && *timeout < kLongest) at_ = Clock::now() + *timeout;
  }

  bool passed() const { return at_ && Clock::now() >= *at_; }

  /// What is left of it, at most `slice`.
  std::chrono::nanoseconds left(std::chrono::nanoseconds slice) const {
    if (!at_) return slice;
    return std::clamp<std::chrono::nanoseconds>(*at_ - Clock::now(), std::chrono::nanoseconds(0), slice);
  }

  std::optional<Clock::time_point> at() const { return at_; }

 private:
  std::optional<Clock::time_point> at_;
};

}  // namespace detail
}  // namespace millrace::multiprocessing
