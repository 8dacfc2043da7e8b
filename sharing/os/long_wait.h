#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "millrace/sharing/os/deadline.h"

namespace millrace {

/// Says when a wait has become so long that a notice is to tell of it: once after some time, and again whenever the
/// wait is twice as long. The caller says what time it is.
class LongWait {
 public:
  using Time = Deadline::Clock::time_point;

  /// A wait that begins at `start`, and is long after `after`; never if that has no end.
  LongWait(Timeout after, Time start) : start_(start), next_(after ? start + *after : kNever) {}

  /// True once for each notice.
  bool is_due(Time now) {
    if (now < next_) return false;
    next_ = now + (now - start_);
    return true;
  }

  std::chrono::nanoseconds lasted(Time now) const { return now - start_; }

  /// The time until the next notice is due, at most `limit`.
  Timeout left(Timeout limit, Time now) const {
    if (next_ == kNever) return limit;
    const auto until_due = std::max<std::chrono::nanoseconds>(next_ - now, std::chrono::nanoseconds(0));
    return limit ? Timeout(std::min(*limit, until_due)) : Timeout(until_due);
  }

 private:
  static constexpr Time kNever = Time::max();

  Time start_;
  Time next_;  // When the next notice is due.
};

/// Calls `wait(slice)` until it is true, which means that what is waited for has come; false when `timeout` has passed
/// first. Calls `tell_of_it(how long)` whenever the wait is to be told of, for the first time after `after`.
template <class Wait, class Tell>
bool wait_and_tell(Timeout timeout, Timeout after, Wait wait, Tell tell_of_it) {
  const auto start = Deadline::Clock::now();
  const Deadline deadline(timeout, start);
  LongWait long_wait(after, start);
  for (auto now = start;; now = Deadline::Clock::now()) {
    const Timeout left = deadline.at() ? Timeout(*deadline.at() - now) : Timeout(std::nullopt);
    if (wait(long_wait.left(left, now))) return true;
    now = Deadline::Clock::now();
    if (deadline.passed(now)) return false;
    if (long_wait.is_due(now)) tell_of_it(long_wait.lasted(now));
  }
}

}  // namespace millrace
