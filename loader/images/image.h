#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "millrace/loader/detail/picture_size.h"
#include "millrace/loader/images/room.h"

namespace millrace {

/// What a picture is decoded to: three planes or the luma plane alone.
enum class ImageMode : uint8_t { kRGB, kGray };

constexpr int channels(ImageMode mode) { return mode == ImageMode::kRGB ? 3 : 1; }

/// What is done with the orientation that a camera writes beside the pixels: nothing, as torchvision does unless asked,
/// or the picture is turned the right way up.
enum class Orientation : uint8_t { kIgnore, kExif };

/// The largest picture that is decoded unless a dataset says otherwise, in pixels. It is the size beyond which Pillow
/// speaks of a decompression bomb and refuses: a file of two kilobytes can ask for sixty times as much.
constexpr int64_t kMaxPixels = 178'956'970;

/// What is done with a JPEG whose pixels are partly lost, of which libjpeg only warns: kRefuse makes it an error; kRead
/// takes what libjpeg makes up in their place, as PyTorch does, and counts it. A JPEG that ends early is an error in
/// both.
enum class DamagedJpegs : uint8_t { kRefuse, kRead };

/// What the values of a picture are. kUInt8: 8 bits, whatever the file has; of 16 bits the upper 8. kUInt16 and
/// kFloat32: the numbers in the file as they are, gray values of up to 16 bits or palette indices, in that type.
enum class PixelType : uint8_t { kUInt8, kUInt16, kFloat32 };

/// Throws std::invalid_argument for a limit under one pixel.
inline void require_max_pixels(int64_t max_pixels) {
  if (max_pixels < 1)
    throw std::invalid_argument("max_pixels is " + std::to_string(max_pixels) + ": expected at least 1");
}

/// How the pictures of a dataset are decoded.
struct PictureOptions {
  PictureOptions(ImageMode image_mode = ImageMode::kRGB) : mode(image_mode) {}

  ImageMode mode;
  Orientation orientation = Orientation::kIgnore;
  int64_t max_pixels = kMaxPixels;
  DamagedJpegs damaged_jpegs = DamagedJpegs::kRefuse;
  PixelType pixel_type = PixelType::kUInt8;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(mode, orientation, max_pixels, damaged_jpegs, pixel_type);
  }
};

namespace image {

/// A rectangle of pixels; (y, x) is its upper left corner.
struct Box {
  int y = 0;
  int x = 0;
  int height = 0;
  int width = 0;

  Size size() const { return {height, width}; }
  bool operator==(const Box&) const = default;
};

constexpr Box whole(const Size& size) { return {0, 0, size.height, size.width}; }

/// Bytes of a pixel between decoder and batch, whatever the mode: red, green, blue and one that nobody reads (gray
/// pixels hold their value in the first). One layout serves all modes and suits 16-byte vectors.
constexpr int kPixelBytes = 4;

/// Bytes after the last pixel of a picture that the kernels may read (their values do not matter).
constexpr size_t kReadSlack = 64;

/// Some rows of pixels in memory that belongs to somebody else; kReadSlack bytes behind them are readable.
struct Strip {
  const uint8_t* pixels = nullptr;
  size_t stride = 0;  ///< Bytes from a row to the next.
  int rows = 0;
};

/// A picture in memory. Keeps its memory when it shrinks, so that one object serves a thread's samples without
/// allocating; see Room.
class Image {
 public:
  /// Makes room for `size` pixels; what they contain is undefined.
  void reset(const Size& size) {
    size_ = size;
    pixels_.at_least(stride() * static_cast<size_t>(size.height) + kReadSlack);
  }

  const Size& size() const { return size_; }
  size_t stride() const { return static_cast<size_t>(size_.width) * kPixelBytes; }
  uint8_t* row(int y) { return pixels_.get() + static_cast<size_t>(y) * stride(); }
  const uint8_t* row(int y) const { return pixels_.get() + static_cast<size_t>(y) * stride(); }

  /// The rows of `box`, which must lie inside.
  Strip strip(const Box& box) const {
    return {row(box.y) + static_cast<size_t>(box.x) * kPixelBytes, stride(), box.height};
  }

 private:
  Size size_;
  Room<uint8_t> pixels_;
};

}  // namespace image
}  // namespace millrace
