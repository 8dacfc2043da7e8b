#include "millrace/plots/png.h"

#include <png.h>

#include <stdexcept>

namespace millrace::plots {

std::string to_png(const Picture& picture) {
  require_whole(picture);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(picture.height);
  image.width = static_cast<png_uint_32>(picture.width);
  image.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  constexpr int kEightBits = 0, kRowsFollowEachOther = 0;
  constexpr const void* kNoColourMap = nullptr;
  std::string file(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = file.size();
  if (png_image_write_to_memory(&image, file.data(), &size, kEightBits, picture.pixels.data(), kRowsFollowEachOther,
                                kNoColourMap) == 0)
    throw std::runtime_error(std::string("libpng makes no PNG of a picture: ") + image.message);
  file.resize(size);
  return file;
}

}  // namespace millrace::plots
