#include "millrace/plots/png.h"

#include <png.h>

#include <stdexcept>

namespace millrace::plots {

namespace {

std::string png_of(int height, int width, png_uint_32 format, const void* pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(height);
  image.width = static_cast<png_uint_32>(width);
  image.format = format;
  constexpr int kBitsOfTheFormat = 0, kRowsFollowEachOther = 0;
  constexpr const void* kNoColourMap = nullptr;
  std::string file(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = file.size();
  if (png_image_write_to_memory(&image, file.data(), &size, kBitsOfTheFormat, pixels, kRowsFollowEachOther,
                                kNoColourMap) == 0)
    throw std::runtime_error(std::string("libpng makes no PNG of a picture: ") + image.message);
  file.resize(size);
  return file;
}

}  // namespace

std::string to_png(const Picture& picture) {
  require_whole(picture);
  return png_of(picture.height, picture.width, picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB,
                picture.pixels.data());
}

// libpng calls 16 bits linear and says so in the file; it writes the numbers as they are.
std::string to_deep_png(int height, int width, std::span<const uint16_t> pixels) {
  return png_of(height, width, PNG_FORMAT_LINEAR_Y, pixels.data());
}

}  // namespace millrace::plots
