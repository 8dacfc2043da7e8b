#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/resample.h"

namespace millrace::packing {

/// How pictures are made smaller.
struct ResizeOptions {
  int height = 0;    ///< The most pixels of a column; those of the shorter side where `width` is 0.
  int width = 0;     ///< The most pixels of a row.
  int quality = 90;  ///< Of the JPEGs, 1 to 100.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(height, width, quality);
  }
};

/// Reads "256", the shorter side, or "480x640", a box of height and width. Throws std::invalid_argument.
ResizeOptions read_resize(std::string_view text, int quality);

/// Makes pictures smaller. For one thread, any number of pictures.
class PictureShrinker {
 public:
  /// The picture, with its sides in their proportion, as a JPEG, the right way up whatever its EXIF data say; nothing
  /// where it is small enough already. Throws std::runtime_error for what is no picture, or a damaged one.
  std::optional<std::string> shrink(std::span<const std::byte> file, const ResizeOptions& options);

 private:
  image::ImageDecoder decoder_;
  image::Resampler resampler_;
  std::vector<uint8_t> pixels_;
};

}  // namespace millrace::packing
