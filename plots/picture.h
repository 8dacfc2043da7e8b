#pragma once

#include <cstdint>
#include <vector>

namespace millrace::plots {

/// Pixels row by row from the top, channels of a pixel side by side: gray, or red, green and blue.
struct Picture {
  int height = 0;
  int width = 0;
  int channels = 3;             ///< 1 or 3.
  std::vector<uint8_t> pixels;  ///< height * width * channels of them.
};

/// Throws std::invalid_argument "... pixels of 4 channels: ..." for one whose numbers do not agree.
void require_whole(const Picture& picture);

}  // namespace millrace::plots
