#include "millrace/configs/origin.h"

#include <tuple>

#include "millrace/sharing/os/printable.h"

namespace millrace::configs {

std::string to_string(const Origin& origin) {
  if (origin.line == 0) return printable(origin.source);
  return printable(origin.source) + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
}

bool comes_before(const Origin& a, const Origin& b) {
  const bool a_is_argument = a.line == 0;
  const bool b_is_argument = b.line == 0;
  if (a_is_argument != b_is_argument) return b_is_argument;
  if (a_is_argument) return a.column < b.column;
  return std::tie(a.source, a.line, a.column) < std::tie(b.source, b.line, b.column);
}

}  // namespace millrace::configs
