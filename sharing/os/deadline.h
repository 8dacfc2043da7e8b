#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace millrace {

/// How long a call may take: std::nullopt for ever, zero or less not at all, and any duration of std::chrono. A year or
/// longer is for ever as well. If each call converted milliseconds::max() or 400 years to nanoseconds, or added them to
/// the time of day, by itself, they would come round to the past.
class Timeout {
 public:
  static constexpr std::chrono::hours kForEver{24 * 365};

  constexpr Timeout(std::nullopt_t) {}  // NOLINT(google-explicit-constructor): an argument, as optional's.

  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> length) {  // NOLINT(google-explicit-constructor)
    // In floating point, where no comparison of durations overflows.
    const std::chrono::duration<long double> seconds = length;
    if (seconds >= kForEver) return;
    const bool is_positive = seconds.count() > 0;  // False where the count is not a number.
    length_ = is_positive ? std::chrono::duration_cast<std::chrono::nanoseconds>(length) : std::chrono::nanoseconds(0);
  }

  template <class Rep, class Period>
  constexpr Timeout(const std::optional<std::chrono::duration<Rep, Period>>& length)  // NOLINT
      : Timeout(length ? Timeout(*length) : Timeout(std::nullopt)) {}

  /// Whether this timeout ends.
  constexpr explicit operator bool() const { return length_.has_value(); }

  /// The length, from 0 to a year. REQUIRES: this timeout ends.
  constexpr std::chrono::nanoseconds operator*() const { return *length_; }

 private:
  std::optional<std::chrono::nanoseconds> length_;
};

/// The moment at which a wait ends, on the monotonic clock: setting the time of day changes nothing.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() { return Deadline(std::nullopt); }

  explicit Deadline(Timeout timeout) {
    if (timeout) at_ = Clock::now() + *timeout;
  }

  /// The deadline of a wait that begins at `start`. A caller with a clock of its own (a test's) says the time here and
  /// below.
  Deadline(Timeout timeout, Clock::time_point start) {
    if (timeout) at_ = start + *timeout;
  }

  bool passed() const { return at_ && passed(Clock::now()); }
  bool passed(Clock::time_point now) const { return at_ && now >= *at_; }

  /// The time until the deadline.
  Timeout left() const { return at_ ? Timeout(*at_ - Clock::now()) : Timeout(std::nullopt); }

  /// The time until the deadline, at most `slice`.
  std::chrono::nanoseconds left(std::chrono::nanoseconds slice) const {
    return at_ ? left(slice, Clock::now()) : slice;
  }
  std::chrono::nanoseconds left(std::chrono::nanoseconds slice, Clock::time_point now) const {
    if (!at_) return slice;
    return std::clamp<std::chrono::nanoseconds>(*at_ - now, std::chrono::nanoseconds(0), slice);
  }

  std::optional<Clock::time_point> at() const { return at_; }

 private:
  std::optional<Clock::time_point> at_;
};

namespace multiprocessing {

using millrace::Timeout;
namespace detail {
using millrace::Deadline;
}

}  // namespace multiprocessing
}  // namespace millrace
