#include "millrace/sharing/os/printable.h"

#include <cstdint>
#include <cstdio>

#include "millrace/sharing/os/counted.h"

namespace millrace {
namespace {

struct Letter {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: no UTF-8 begins here.
};

Letter letter_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first >= 0xF5 || at + bytes > text.size()) return {};
  uint32_t code = first & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kLeast[bytes] || code > 0x10FFFF || is_surrogate) return {};
  return {code, bytes};
}

// Moves the cursor, ends the line, colours, or turns round what stands beside it.
bool acts(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

std::string escaped(uint32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default: {
      char text[12];
      std::snprintf(text, sizeof text, code < 0x100 ? "\\x%02x" : "\\u%04x", static_cast<unsigned>(code));
      return text;
    }
  }
}

std::string escape(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const Letter letter = letter_at(text, at);
    if (letter.bytes == 0) {
      result += escaped(static_cast<uint8_t>(text[at++]));
      continue;
    }
    if (acts(letter.code))
      result += escaped(letter.code);
    else
      result += text.substr(at, letter.bytes);
    at += letter.bytes;
  }
  return result;
}

// A place at or before `at` that is not within a letter.
size_t before_letter(std::string_view text, size_t at) {
  size_t start = at;
  for (int i = 0; i < 3 && start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0U) == 0x80U; ++i) --start;
  return start;
}

}  // namespace

std::string printable(std::string_view text, size_t most) {
  if (text.size() <= most) return escape(text);
  // The end of a path says more than its middle.
  const size_t first = before_letter(text, most - most / 3);
  const size_t last = before_letter(text, text.size() - most / 3);
  return escape(text.substr(0, first)) + " ... (" + counted(last - first, "byte") + ") ... " +
         escape(text.substr(last));
}

std::string in_quotes(std::string_view text, size_t most) { return "'" + printable(text, most) + "'"; }

std::string printable_lines(std::string_view text) {
  constexpr size_t kLongestLine = 2000;
  constexpr int kMostLines = 200;
  std::string result;
  for (int line = 0;; ++line) {
    const size_t end = text.find('\n');
    result += printable(text.substr(0, end), kLongestLine);
    if (end == text.npos) return result;
    text.remove_prefix(end + 1);
    result += '\n';
    if (line + 1 == kMostLines) return result + "... (" + counted(text.size(), "byte") + " more)";
  }
}

}  // namespace millrace
