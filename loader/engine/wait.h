#pragma once

#include <chrono>

#include "millrace/loader/engine/events.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/long_wait.h"

namespace millrace {

/// One wait of the trainer for a batch, with its beginning and its deadline. However it ends, even by an error, its
/// time is added to `seconds`, since the trainer had no data.
class Wait {
 public:
  using Time = Events::Time;

  /// Begins the wait now. Borrows `events` and `seconds`.
  Wait(const Events& events, Timeout limit, Timeout notice_after, double& seconds)
      : events_(events),
        seconds_(seconds),
        start_(events.now()),
        deadline_(limit, start_),
        long_wait_(notice_after, start_),
        next_look_(start_ + kLookAgain) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() { seconds_ += std::chrono::duration<double>(events_.now() - start_).count(); }

  /// The longest sleep without another look at the board. No look should be needed; it bounds the harm of a wake-up
  /// that a hostile worker swallows.
  static constexpr std::chrono::milliseconds kLookAgain{100};

  Time start() const { return start_; }

  /// Whether the wait's deadline has come. Without a deadline the clock is not read.
  bool has_ended() const { return deadline_.at() && deadline_.passed(events_.now()); }

  /// The time until the deadline, at most `slice`.
  std::chrono::nanoseconds left(std::chrono::nanoseconds slice) const { return deadline_.left(slice, events_.now()); }

  /// True once for each notice that is due.
  bool is_long(Time now) { return long_wait_.is_due(now); }

  /// True once for each kLookAgain.
  bool looks_again(Time now) {
    if (now < next_look_) return false;
    next_look_ = now + kLookAgain;
    return true;
  }

 private:
  const Events& events_;
  double& seconds_;
  const Time start_;
  const Deadline deadline_;
  LongWait long_wait_;
  Time next_look_;
};

}  // namespace millrace
