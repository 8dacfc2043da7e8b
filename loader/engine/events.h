#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace millrace {

/// The time, and what happens while the trainer waits. Used by the loader's thread.
class Events {
 public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~Events() = default;

  virtual Time now() const = 0;

  /// Sleeps until a worker rings the done bell, a slot comes home that is waited for, or a worker ends; at most for
  /// `limit`. Gives the workers that may have ended, valid until the next call.
  virtual const std::vector<size_t>& wait(std::chrono::nanoseconds limit) = 0;

  /// Calls `look` until it is true, for about as long as wait() would cost at least. Gives whether it was true.
  virtual bool look_for_a_while(const std::function<bool()>& look) = 0;
};

}  // namespace millrace
