#include "millrace/apps/millrace/progress.h"

#include <algorithm>
#include <utility>

namespace millrace::apps {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kShortestLogInterval = std::chrono::seconds(10), kLongestLogInterval = std::chrono::seconds(60);
constexpr auto kRateWindow = std::chrono::seconds(30);

}  // namespace

Progress::Progress(std::string title, std::string unit, int64_t total, int64_t done, StatusLine& line, Now now)
    : state_{std::move(title), std::move(unit), done, total, 0, {}},
      line_(line),
      now_(std::move(now)),
      start_(now_()),
      next_report_(line_.output().is_terminal ? start_ : start_ + interval(start_)),
      reached_{{start_, done}} {}

void Progress::update(int64_t done, const Notes& notes) {
  const auto now = now_();
  if (now < next_report_) return;
  next_report_ = now + interval(now);
  state_.done = done;
  state_.rate = rate_until({now, done});
  state_.notes = notes();
  if (line_.output().is_terminal)
    draw();
  else
    line_.print(plain_line(state_));
}

void Progress::clear() {
  line_.clear();
  if (line_.output().is_terminal) next_report_ = now_();
}

// A tenth of the time that has passed, for a log.
Clock::duration Progress::interval(Clock::time_point now) const {
  if (line_.output().is_terminal) return kTerminalInterval;
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
  line_.draw(bar_line(state_, std::max(0, line_.output().columns() - 1), line_.output().letters));
}

}  // namespace millrace::apps
