#pragma once

#include <chrono>
#include <string>

namespace millrace {

/// The duration in words: "1.5 s".
inline std::string seconds_text(std::chrono::nanoseconds duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace millrace
