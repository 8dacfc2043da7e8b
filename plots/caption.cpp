#include "millrace/plots/caption.h"

#include <sstream>

#include "millrace/sharing/os/printable.h"

namespace millrace::plots {
namespace {

std::string in_letters(const std::string& line) {
  std::string text;
  for (const char c : printable(line)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues_a_character = byte >= 0x80 && byte < 0xC0;
    if (!continues_a_character) text += byte < 0x80 ? c : '\x7f';
  }
  return text;
}

}  // namespace

std::vector<std::string> caption_lines(const std::string& text, size_t letters, size_t most) {
  std::vector<std::string> lines;
  std::istringstream given(text);
  for (std::string line; std::getline(given, line);) {
    const std::string written = in_letters(line);
    for (size_t at = 0; at < written.size(); at += letters) lines.push_back(written.substr(at, letters));
  }
  if (lines.size() <= most) return lines;
  lines.resize(most);
  lines.back() = lines.back().substr(0, letters - 3) + "...";
  return lines;
}

}  // namespace millrace::plots
