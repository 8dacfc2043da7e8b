#pragma once

#include <png.h>

#include <stdexcept>
#include <string>

#include "millrace/plots/picture.h"

namespace millrace::test {

/// The picture in a PNG file's bytes, in colours.
inline plots::Picture read_png(const std::string& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) throw std::runtime_error(image.message);
  image.format = PNG_FORMAT_RGB;
  plots::Picture picture{static_cast<int>(image.height), static_cast<int>(image.width), 3, {}};
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(image.message);
  return picture;
}

}  // namespace millrace::test
