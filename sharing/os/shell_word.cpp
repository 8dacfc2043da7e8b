#include "millrace/sharing/os/shell_word.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

// Letters, those beyond ASCII too, and marks that mean nothing to a shell.
bool is_plain(char c) {
  constexpr std::string_view kMarks = "_-./:=@%+,";
  return static_cast<uint8_t>(c) >= 0x80 || std::isalnum(static_cast<uint8_t>(c)) != 0 || kMarks.find(c) != kMarks.npos;
}

}  // namespace

std::string shell_word(std::string_view path) {
  constexpr size_t kLongest = 4096;  // Of a path; a command with a gap in it is none.
  if (!path.empty() && std::ranges::all_of(path, is_plain)) return printable(path, kLongest);
  std::string word = "'";
  for (const char c : path) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return printable(word + "'", kLongest);
}

}  // namespace millrace
