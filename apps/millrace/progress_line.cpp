#include "millrace/apps/millrace/progress_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

constexpr int kShortestBar = 8, kLongestBar = 24;

// 45 of 100, never 100 before the end.
int percent_of(const ProgressState& state) {
  if (state.total <= 0) return 0;
  return static_cast<int>(std::clamp<int64_t>(state.done, 0, state.total) * 100 / state.total);
}

std::string rate_text(double rate) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), rate >= 100 ? "%.0f" : rate >= 1 ? "%.1f" : "%.2g", rate);
  return text.data();
}

std::string time_left(const ProgressState& state) {
  const auto left = static_cast<double>(std::max<int64_t>(0, state.total - state.done));
  if (left == 0) return "0s left";
  return (state.rate > 0 ? human_duration(left / state.rate) : "?") + " left";
}

// What a line says behind its title and its bar, what matters most first.
std::vector<std::string> pieces_of(const ProgressState& state) {
  std::vector<std::string> pieces{time_left(state)};
  if (state.rate > 0) pieces.push_back(rate_text(state.rate) + " " + state.unit + "/s");
  for (const std::string& note : state.notes) pieces.push_back(printable(note));
  pieces.push_back(std::to_string(state.done) + "/" + std::to_string(state.total) + " " + state.unit);
  return pieces;
}

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

int columns_of(char c) { return continues_a_character(c) ? 0 : static_cast<unsigned char>(c) < 0x80 ? 1 : 2; }

int columns_of(std::string_view text) {
  int columns = 0;
  for (const char c : text) columns += columns_of(c);
  return columns;
}

// The characters from the first on that need so many columns.
std::string_view cut(std::string_view text, int columns) {
  size_t end = 0;
  for (; end < text.size(); ++end) {
    columns -= columns_of(text[end]);
    if (columns < 0) break;
  }
  return text.substr(0, end);
}

// So many columns, of which a part is filled: to an eighth of a column where the terminal has the letters.
std::string bar(const ProgressState& state, int columns, Letters letters) {
  const double share =
      state.total > 0 ? std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0) : 0;
  const auto empty = [](int count) { return static_cast<size_t>(count); };
  std::string text;
  if (letters == Letters::kAscii) {
    const int filled = static_cast<int>(share * columns);
    return text.append(empty(filled), '#').append(empty(columns - filled), '.');
  }
  constexpr std::array<const char*, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(share * columns * 8);
  const char* const last = kEighths[static_cast<size_t>(eighths % 8)];
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += last;
  return text.append(empty(columns - eighths / 8 - (*last == '\0' ? 0 : 1)), ' ');
}

}  // namespace

std::string human_duration(double seconds) {
  const int64_t s = std::llround(seconds);
  std::array<char, 32> text;
  if (s >= 3600)
    std::snprintf(text.data(), text.size(), "%ldh%02ldm", s / 3600, s / 60 % 60);
  else if (s >= 60)
    std::snprintf(text.data(), text.size(), "%ldm%02lds", s / 60, s % 60);
  else
    std::snprintf(text.data(), text.size(), "%lds", s);
  return text.data();
}

std::string plain_line(const ProgressState& state) {
  std::string line = printable(state.title) + ": " + std::to_string(percent_of(state)) + " %";
  for (const std::string& piece : pieces_of(state)) line += ", " + piece;
  return line;
}

std::string bar_line(const ProgressState& state, int columns, Letters letters) {
  std::array<char, 8> percent;
  std::snprintf(percent.data(), percent.size(), "%3d %%", percent_of(state));
  const std::string head = printable(state.title) + " " + percent.data();
  constexpr int kEdges = 3;  // " [" and "]".
  const int room = columns - columns_of(head) - kEdges;
  if (room < kShortestBar) return std::string(cut(head, columns));
  std::string tail;
  for (const std::string& piece : pieces_of(state)) {
    const std::string next = tail + (tail.empty() ? " " : ", ") + piece;
    if (columns_of(next) > room - kShortestBar) break;
    tail = next;
  }
  return head + " [" + bar(state, std::min(kLongestBar, room - columns_of(tail)), letters) + "]" + tail;
}

}  // namespace millrace::apps
