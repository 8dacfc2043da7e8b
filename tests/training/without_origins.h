#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace millrace::test {

/// Settings as to_yaml() prints them, without the comments that tell where each comes from.
inline std::string without_origins(const std::string& text) {
  std::string settings;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    settings += line.substr(0, line.find("  #")) + "\n";
    at = end + 1;
  }
  return settings;
}

}  // namespace millrace::test
