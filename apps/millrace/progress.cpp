#include "millrace/apps/millrace/progress.h"

#include <algorithm>
#include <utility>

namespace millrace::apps {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kShortestLogInterval = std::chrono::seconds(10), kLongestLogInterval = std::chrono::seconds(60);
constexpr auto kRateWindow = std::chrono::seconds(30);
// Carriage return, erase to the end of the line.
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

Progress::Progress(std::string title, std::string unit, int64_t total, int64_t done, ProgressOutput output, Now now)
    : state_{std::move(title), std::move(unit), done, total, 0, {}},
      output_(std::move(output)),
      now_(std::move(now)),
      start_(now_()),
      next_report_(output_.is_terminal ? start_ : start_ + interval(start_)),
      reached_{{start_, done}} {}

void Progress::update(int64_t done, const Notes& notes) {
  const auto now = now_();
  if (now < next_report_) return;
  next_report_ = now + interval(now);
  state_.done = done;
  state_.rate = rate_until({now, done});
  state_.notes = notes();
  if (output_.is_terminal)
    draw();
  else
    output_.write(plain_line(state_) + "\n");
}

void Progress::clear() {
  if (std::exchange(is_drawn_, false)) output_.write(kEraseLine);
  if (output_.is_terminal) next_report_ = now_();
}

// A tenth of the time that has passed, for a log.
Clock::duration Progress::interval(Clock::time_point now) const {
  if (output_.is_terminal) return kTerminalInterval;
  return std::clamp<Clock::duration>((now - start_) / 10, kShortestLogInterval, kLongestLogInterval);
}

// Since the last of what was reached half a minute ago or before.
double Progress::rate_until(const Reached& now) {
  while (reached_.size() > 1 && now.when - reached_[1].when >= kRateWindow) reached_.pop_front();
  const Reached then = reached_.front();
  reached_.push_back(now);
  const double seconds = std::chrono::duration<double>(now.when - then.when).count();
  return seconds > 0 ? static_cast<double>(now.done - then.done) / seconds : 0;
}

void Progress::draw() {
  // The last column stays free: some terminals begin another line when it is written to.
  const std::string line = bar_line(state_, std::max(0, output_.columns() - 1), output_.letters);
  output_.write(std::string(kEraseLine) + line);
  is_drawn_ = true;
}

}  // namespace millrace::apps
