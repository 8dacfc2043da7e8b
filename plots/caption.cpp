#include "millrace/plots/caption.h"

#include <sstream>

#include "millrace/sharing/os/printable.h"

namespace millrace::plots {
namespace {

constexpr size_t kLongestLine = 10'000;  // Of a line, before it is cut into shorter ones.

std::string in_letters(const std::string& line) {
  std::string text;
  for (const char c : printable(line, kLongestLine)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues_a_character = byte >= 0x80 && byte < 0xC0;
    if (!continues_a_character) text += byte < 0x80 ? c : '\x7f';
  }
  return text;
}

// How many letters of what is left go into a line: to the last space of its second half, where there is one.
size_t letters_of_line(const std::string& left, size_t letters) {
  if (left.size() <= letters) return left.size();
  const size_t space = left.rfind(' ', letters);
  return space == left.npos || space < letters / 2 ? letters : space;
}

}  // namespace

std::vector<std::string> caption_lines(const std::string& text, size_t letters, size_t most) {
  std::vector<std::string> lines;
  std::istringstream given(text);
  for (std::string line; std::getline(given, line);) {
    for (std::string left = in_letters(line); !left.empty();) {
      const size_t count = letters_of_line(left, letters);
      lines.push_back(left.substr(0, count));
      left.erase(0, count + (count < left.size() && left[count] == ' ' ? 1 : 0));
    }
  }
  if (lines.size() <= most) return lines;
  lines.resize(most);
  lines.back() = lines.back().substr(0, letters - 3) + "...";
  return lines;
}

}  // namespace millrace::plots
