#include "millrace/apps/millrace/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace millrace::apps {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kLogInterval = std::chrono::seconds(10);
constexpr int kBarWidth = 24;
// Carriage return, erase to the end of the line.
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

std::string human_duration(double seconds) {
  const int64_t s = std::llround(seconds);
  char text[32];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%ldh%02ldm", s / 3600, s / 60 % 60);
  else if (s >= 60)
    std::snprintf(text, sizeof text, "%ldm%02lds", s / 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%lds", s);
  return text;
}

Progress::Progress(std::string title, std::string unit, int64_t total)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      next_report_(start_ + (terminal_ ? Clock::duration::zero() : kLogInterval)) {}

void Progress::clear() const {
  if (terminal_) std::fputs(kEraseLine, stderr);
}

std::string Progress::status(int64_t done, double elapsed_s) const {
  const double rate = elapsed_s > 0 ? static_cast<double>(done) / elapsed_s : 0;
  const double left_s = rate > 0 ? static_cast<double>(total_ - done) / rate : 0;
  char text[160];
  std::snprintf(text, sizeof text, "%ld/%ld %s, %.0f %s/s, %s left", done, total_, unit_.c_str(), rate, unit_.c_str(),
                rate > 0 ? human_duration(left_s).c_str() : "?");
  return text;
}

void Progress::update(int64_t done, const std::function<std::string()>& note) {
  const auto now = Clock::now();
  if (now < next_report_) return;
  next_report_ = now + (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval));
  const auto line = status(done, std::chrono::duration<double>(now - start_).count()) + ", " + note();
  if (!terminal_) {
    std::fprintf(stderr, "%s: %s\n", title_.c_str(), line.c_str());
    return;
  }
  const auto filled = total_ > 0 ? std::clamp<int64_t>(done * kBarWidth / total_, 0, kBarWidth) : 0;
  const std::string bar =
      std::string(static_cast<size_t>(filled), '#') + std::string(kBarWidth - static_cast<size_t>(filled), '.');
  std::fprintf(stderr, "%s%s [%s] %s", kEraseLine, title_.c_str(), bar.c_str(), line.c_str());
  std::fflush(stderr);
}

}  // namespace millrace::apps
