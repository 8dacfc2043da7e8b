#include "millrace/loader/images/decode.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/images/formats/reader.h"
#include "millrace/loader/images/formats/signature.h"
#include "millrace/loader/images/orientation.h"
#include "millrace/loader/images/pixel.h"
#include "millrace/loader/stages.h"

namespace millrace::image {
namespace {

void require_size(const Size& size, int64_t max_pixels) {
  if (int64_t{size.height} * size.width <= max_pixels) return;
  throw std::runtime_error("a picture of " + to_string(size) + " pixels, over the limit of " +
                           std::to_string(max_pixels) +
                           " pixels; where the file is to be trusted, raise the dataset's "
                           "max_pixels");
}

std::unique_ptr<FormatReader> open_other_than_jpeg(std::span<const std::byte> file, int64_t max_pixels) {
  auto reader = open_by_signature(file);
  require_size(reader->size(), max_pixels);
  return reader;
}

void keep_luma(Image& picture) {
  for (int y = 0; y < picture.size().height; ++y) {
    uint8_t* const row = picture.row(y);
    for (uint8_t* pixel = row; pixel != row + picture.stride(); pixel += kPixelBytes)
      std::memset(pixel, luma(pixel), kPixelBytes);
  }
}

}  // namespace

Size ImageDecoder::open(std::span<const std::byte> file, const PictureOptions& options) {
  if (file.empty()) throw std::runtime_error("empty file");
  mode_ = options.mode;
  rest_ = {};
  const int orientation = options.orientation == Orientation::kExif ? exif_orientation(file) : 1;
  Image& decoded = orientation == 1 ? image_ : stored_;
  if (looks_like_jpeg(file)) {
    const Size size = jpeg_.open(file, options.damaged_jpegs);
    require_size(size, options.max_pixels);
    source_ = Source::kJpeg;
    if (orientation == 1) return size;
    read_jpeg(size, decoded);
  } else {
    const auto reader = open_other_than_jpeg(file, options.max_pixels);
    decoded.reset(reader->size());
    reader->read_colours(decoded);
    if (mode_ == ImageMode::kGray) keep_luma(decoded);
  }
  source_ = Source::kImage;
  if (orientation != 1) turn_upright(stored_, orientation, image_);
  return image_.size();
}

void ImageDecoder::read_jpeg(const Size& size, Image& picture) {
  picture.reset(size);
  jpeg_.start(whole(size), mode_);
  int y = 0;
  for (Strip strip = jpeg_.next(); strip.rows > 0; strip = jpeg_.next()) {
    for (int row = 0; row < strip.rows; ++row, ++y)
      std::memcpy(picture.row(y), strip.pixels + static_cast<size_t>(row) * strip.stride, picture.stride());
  }
}

void ImageDecoder::start(const Box& region) {
  if (source_ == Source::kJpeg) {
    jpeg_.start(region, mode_);
  } else {
    rest_ = image_.strip(region);
  }
}

Strip ImageDecoder::next() {
  if (source_ == Source::kJpeg) return jpeg_.next();
  return std::exchange(rest_, {});
}

Image decode(std::span<const std::byte> file, const PictureOptions& options) {
  ImageDecoder decoder;
  Image image;
  image.reset(decoder.open(file, options));
  decoder.start(whole(image.size()));
  int y = 0;
  for (Strip strip = decoder.next(); strip.rows > 0; strip = decoder.next()) {
    for (int row = 0; row < strip.rows; ++row, ++y) {
      std::memcpy(image.row(y), strip.pixels + static_cast<size_t>(row) * strip.stride, image.stride());
    }
  }
  return image;
}

void require_file_size(uint64_t bytes, const PictureOptions& options) {
  constexpr int64_t kHeaders = int64_t{1} << 20;
  constexpr int64_t kMost = (std::numeric_limits<int64_t>::max() - kHeaders) / kPixelBytes;
  const auto most = static_cast<uint64_t>(std::min(options.max_pixels, kMost) * kPixelBytes + kHeaders);
  if (bytes <= most) return;
  throw std::runtime_error("a file of " + std::to_string(bytes) + " bytes, over the limit of " + std::to_string(most) +
                           " bytes, which is four for each of max_pixels; where the file is to be trusted, raise the "
                           "dataset's max_pixels");
}

Numbers decode_numbers(std::span<const std::byte> file, int64_t max_pixels) {
  const StageScope decoding(Stage::kDecode);
  decoding.add_bytes(file.size());
  if (file.empty()) throw std::runtime_error("empty file");
  if (looks_like_jpeg(file)) throw no_numbers("a JPEG, which loses numbers");
  const auto reader = open_other_than_jpeg(file, max_pixels);
  Numbers numbers{reader->size(), {}};
  numbers.values.resize(static_cast<size_t>(numbers.size.height) * static_cast<size_t>(numbers.size.width));
  reader->read_numbers(numbers.values);
  return numbers;
}

}  // namespace millrace::image
