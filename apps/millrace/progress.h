#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace millrace::apps {

/// A duration as a person says it: "1h02m", "3m20s", "12s".
std::string human_duration(double seconds);

/// Tells on stderr how far a piece of work is: on a terminal one line that is drawn over and over, with bar, rate and
/// time left; elsewhere a plain line now and then, so that a log stays readable. Not thread-safe.
class Progress {
 public:
  /// `unit` names what is counted, `total` says how much of it there is.
  Progress(std::string title, std::string unit, int64_t total);

  ~Progress() { clear(); }

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Says that `done` of `total` are done. The text that `note` gives is shown behind the rate; it is asked when
  /// something is shown. Cheap enough to call for every batch.
  void update(int64_t done, const std::function<std::string()>& note);

  /// Leaves the terminal's line empty, for something else to be printed there.
  void clear() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::string status(int64_t done, double elapsed_s) const;

  std::string title_;
  std::string unit_;
  int64_t total_;
  bool terminal_;
  Clock::time_point start_;
  Clock::time_point next_report_;
};

}  // namespace millrace::apps
