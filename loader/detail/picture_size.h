#pragma once

#include <string>

namespace millrace::image {

/// The size of a picture, height first, as in tensor shapes.
struct Size {
  int height = 0;
  int width = 0;

  bool operator==(const Size&) const = default;
};

/// The size as height x width: "224x320".
inline std::string to_string(const Size& size) {
  return std::to_string(size.height) + "x" + std::to_string(size.width);
}

}  // namespace millrace::image
