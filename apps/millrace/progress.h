#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "millrace/apps/millrace/clock.h"
#include "millrace/apps/millrace/progress_line.h"
#include "millrace/apps/millrace/status_line.h"

namespace millrace::apps {

/// Tells how far a piece of work is: on a terminal one line that is drawn over and over, with bar, time left and rate,
/// as wide as the terminal is then; elsewhere a plain line now and then, so that a log stays readable: after 10
/// seconds, and the longer it takes the more rarely, down to one a minute. The rate is that of the last half minute.
/// Not thread-safe.
class Progress {
 public:
  using Now = std::function<Clock::time_point()>;
  using Notes = std::function<std::vector<std::string>()>;

  /// `unit` names what is counted, `total` says how much of it there is, `done` how much was done before: work that
  /// goes on is not faster for it.
  Progress(std::string title, std::string unit, int64_t total, int64_t done = 0, StatusLine& line = stderr_line(),
           Now now = Clock::now);

  ~Progress() { clear(); }

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` are done. What `notes` gives ("loss 0.312", what matters most first) is shown behind the rate;
  /// it is asked when something is shown. Cheap enough to call for every batch.
  void update(int64_t done, const Notes& notes);

  /// Leaves the terminal's line empty, for something else to be printed there; the next update() draws it again.
  void clear();

 private:
  struct Reached {
    Clock::time_point when;
    int64_t done;
  };

  Clock::duration interval(Clock::time_point now) const;
  double rate_until(const Reached& now);
  void draw();

  ProgressState state_;
  StatusLine& line_;
  Now now_;
  Clock::time_point start_;
  Clock::time_point next_report_;
  std::deque<Reached> reached_;  // What the rate follows from, oldest first.
};

}  // namespace millrace::apps
