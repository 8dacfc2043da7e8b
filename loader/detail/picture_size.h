#pragma once

#include <string>

namespace millrace::image {

/// Height first, as in tensor shapes.
struct Size {
  int height = 0;
  int width = 0;

  bool operator==(const Size&) const = default;
};

/// "224x320": height x width.
inline std::string to_string(const Size& size) {
  return std::to_string(size.height) + "x" + std::to_string(size.width);
}

}  // namespace millrace::image
