#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "millrace/loader/image/image.h"
#include "millrace/loader/image/jpeg.h"

namespace millrace::image {

/// Decodes a region of an encoded picture, judging by its first bytes and never by its name: JPEG by JpegReader,
/// everything else (PNG, BMP, PNM, TIFF, WebP, and JPEG with CMYK colours) by OpenCV, whole. Alpha is dropped, 16 bits
/// become 8, gray pictures become RGB with equal planes when asked for RGB. The EXIF orientation is ignored, as
/// torchvision does.
///
/// One object serves one thread for any number of files and does not allocate for JPEGs once it has seen the largest.
/// Errors are std::runtime_error that say what is wrong with the bytes ("empty file", "not an image: first bytes 68
/// 65", "truncated JPEG: ..."); the caller knows the name.
class ImageDecoder {
 public:
  /// Finds out the size. The bytes are not used after the call.
  Size open(std::span<const std::byte> file, ImageMode mode);

  /// Begins to decode `region`, which must lie inside the picture. Once after each open().
  void start(const Box& region);

  /// The next rows of the region, valid until the following call; no rows after the last.
  Strip next();

 private:
  enum class Source : uint8_t { kJpeg, kImage };

  ImageMode mode_ = ImageMode::kRGB;
  Source source_ = Source::kImage;
  JpegReader jpeg_;
  Image image_;  // What OpenCV decoded.
  Strip rest_;
};

/// The whole picture at once.
Image decode(std::span<const std::byte> file, ImageMode mode);

}  // namespace millrace::image
