#include "millrace/loader/image/decode.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace millrace::image {
namespace {

bool starts_with(std::span<const std::byte> file, std::string_view magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

bool looks_like_jpeg(std::span<const std::byte> file) { return starts_with(file, "\xFF\xD8\xFF"); }

/// The format that the first bytes announce, of those that ImageFolder's endings suggest; empty for none.
std::string_view format_of(std::span<const std::byte> file) {
  using std::string_view_literals::operator""sv;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kFormats = {{{"\xFF\xD8\xFF"sv, "JPEG"},
                                                                                      {"\x89PNG"sv, "PNG"},
                                                                                      {"BM"sv, "BMP"},
                                                                                      {"II*\0"sv, "TIFF"},
                                                                                      {"MM\0*"sv, "TIFF"},
                                                                                      {"RIFF"sv, "WebP"},
                                                                                      {"P5"sv, "PGM"},
                                                                                      {"P6"sv, "PPM"}}};
  for (const auto& [magic, name] : kFormats) {
    if (starts_with(file, magic)) return name;
  }
  return {};
}

std::string first_bytes(std::span<const std::byte> file) {
  std::string text;
  for (const std::byte byte : file.first(std::min<size_t>(file.size(), 8))) {
    std::array<char, 4> hex;
    std::snprintf(hex.data(), hex.size(), " %02x", static_cast<unsigned>(byte));
    text += hex.data();
  }
  return text;
}

cv::Mat decode_by_opencv(std::span<const std::byte> file, ImageMode mode) {
  const int flags = (mode == ImageMode::kRGB ? cv::IMREAD_COLOR : cv::IMREAD_GRAYSCALE) | cv::IMREAD_IGNORE_ORIENTATION;
  // imdecode takes a header of a Mat over the bytes and only reads them.
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, const_cast<std::byte*>(file.data()));
  try {
    cv::Mat picture = cv::imdecode(bytes, flags);
    if (!picture.empty()) return picture;
  } catch (const cv::Exception& error) {
    throw std::runtime_error("cannot decode image: " + error.err);
  }
  if (const auto format = format_of(file); !format.empty()) {
    throw std::runtime_error("truncated or broken " + std::string(format));
  }
  throw std::runtime_error("not an image: first bytes" + first_bytes(file));
}

}  // namespace

Size ImageDecoder::open(std::span<const std::byte> file, ImageMode mode) {
  if (file.empty()) throw std::runtime_error("empty file");
  mode_ = mode;
  rest_ = {};
  if (looks_like_jpeg(file)) {
    if (const auto size = jpeg_.open(file)) {
      source_ = Source::kJpeg;
      return *size;
    }
  }
  source_ = Source::kImage;
  const cv::Mat picture = decode_by_opencv(file, mode);
  image_.reset({picture.rows, picture.cols});
  cv::Mat target(picture.rows, picture.cols, CV_8UC4, image_.row(0), image_.stride());
  cv::cvtColor(picture, target, mode == ImageMode::kRGB ? cv::COLOR_BGR2RGBA : cv::COLOR_GRAY2RGBA);
  return image_.size();
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

Image decode(std::span<const std::byte> file, ImageMode mode) {
  ImageDecoder decoder;
  Image image;
  image.reset(decoder.open(file, mode));
  decoder.start(whole(image.size()));
  int y = 0;
  for (Strip strip = decoder.next(); strip.rows > 0; strip = decoder.next()) {
    for (int row = 0; row < strip.rows; ++row, ++y) {
      std::memcpy(image.row(y), strip.pixels + static_cast<size_t>(row) * strip.stride, image.stride());
    }
  }
  return image;
}

}  // namespace millrace::image
