#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// "3 pictures", "1 picture", "2 classes": a number with the word for what it counts.
inline std::string counted(int64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : one.ends_with("ss") ? "es" : "s");
}

}  // namespace millrace
