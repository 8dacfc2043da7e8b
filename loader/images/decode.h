#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/jpeg.h"

namespace millrace::image {

/// Decodes a region of an encoded picture, judging by its first bytes and never by its name. JPEG is decoded by
/// JpegReader, every other format whole, by its own library (`formats/`). The pixels are those of Pillow's
/// convert("RGB") or of convert("L"), with three differences: of 16 bits the upper 8 are taken where Pillow cuts gray
/// values off at 255, the luma of a JPEG is the one in the file, and the orientation in a TIFF is treated as that in
/// other files.
///
/// One object serves one thread for any number of files and does not allocate for JPEGs once it has seen the largest.
/// Errors are std::runtime_error that say what is wrong with the bytes ("empty file", "not an image: first bytes 68
/// 65", "truncated JPEG: ...", "AVIF picture: Millrace does not read this format; ..."); the caller knows the name.
class ImageDecoder {
 public:
  /// Reads the size. Throws for a picture over `options.max_pixels` before memory of that size is taken. The bytes are
  /// not used after the call.
  Size open(std::span<const std::byte> file, const PictureOptions& options);

  /// Begins to decode `region`, which must lie inside the picture. To be called once after each open().
  void start(const Box& region);

  /// The next rows of the region, valid until the following call; no rows after the last.
  Strip next();

 private:
  enum class Source : uint8_t { kJpeg, kImage };

  void read_jpeg(const Size& size, Image& picture);

  ImageMode mode_ = ImageMode::kRGB;
  Source source_ = Source::kImage;
  JpegReader jpeg_;
  Image image_;   // The picture, where it was decoded whole.
  Image stored_;  // The picture as it was stored, before it was turned upright.
  Strip rest_;
};

/// Decodes the whole picture at once.
Image decode(std::span<const std::byte> file, const PictureOptions& options);

/// Throws std::runtime_error for a file so large that no picture of options.max_pixels is in it. It is called before a
/// file is read whole. The limit is four bytes a pixel: no encoding makes a picture larger than its pixels in memory,
/// save with 16 bits.
void require_file_size(uint64_t bytes, const PictureOptions& options);

/// The numbers in a mask, row by row.
struct Numbers {
  Size size;
  std::vector<uint16_t> values;
};

/// The gray values or palette indices of a lossless picture of one channel, as they are in the file: nothing is scaled,
/// and no palette is applied. Throws std::runtime_error as ImageDecoder does, and for pictures of other kinds ("a PNG
/// with colours or alpha: save it ...").
Numbers decode_numbers(std::span<const std::byte> file, int64_t max_pixels = kMaxPixels);

}  // namespace millrace::image
