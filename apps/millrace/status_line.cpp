#include "millrace/apps/millrace/status_line.h"

#include <unistd.h>

#include <utility>

namespace millrace::apps {
namespace {

// Carriage return, erase to the end of the line.
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

void StatusLine::draw(std::string line) {
  if (!output_.is_terminal) return;
  const std::lock_guard lock(mutex_);
  drawn_ = std::move(line);
  output_.write(std::string(kEraseLine) + drawn_);
}

void StatusLine::clear() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(drawn_, {}).empty()) output_.write(kEraseLine);
}

// All in one piece, since other processes write to the same terminal.
void StatusLine::print(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::string text(drawn_.empty() ? "" : kEraseLine);
  text.append(line).append("\n").append(drawn_);
  output_.write(text);
}

StatusLine& stderr_line() {
  static StatusLine line(output_to(STDERR_FILENO));
  return line;
}

}  // namespace millrace::apps
