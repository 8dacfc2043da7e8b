#include "millrace/loader/images/orientation.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace millrace::image {
namespace {

using Bytes = std::span<const std::byte>;
using std::string_view_literals::operator""sv;

bool has(Bytes bytes, size_t at, std::string_view magic) {
  return bytes.size() >= at + magic.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

enum class Order { kBig, kLittle };

/// 0 behind the end.
uint32_t number(Bytes bytes, size_t at, size_t length, Order order) {
  if (at > bytes.size() || length > bytes.size() - at) return 0;
  uint32_t value = 0;
  for (size_t i = 0; i < length; ++i)
    value = value << 8 | static_cast<uint32_t>(bytes[at + (order == Order::kBig ? i : length - 1 - i)]);
  return value;
}

Bytes behind(Bytes bytes, size_t at) { return at < bytes.size() ? bytes.subspan(at) : Bytes(); }

/// The tag in the first directory of a TIFF, which EXIF data are.
int of_tiff(Bytes tiff) {
  constexpr uint32_t kOrientation = 274;
  constexpr size_t kEntry = 12;
  if (!has(tiff, 0, "II*\0"sv) && !has(tiff, 0, "MM\0*"sv)) return 1;
  const Order order = has(tiff, 0, "II"sv) ? Order::kLittle : Order::kBig;
  const size_t directory = number(tiff, 4, 4, order);
  const size_t entries = number(tiff, directory, 2, order);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntry;
    if (number(tiff, entry, 2, order) != kOrientation) continue;
    const auto value = static_cast<int>(number(tiff, entry + 8, 2, order));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

int of_jpeg(Bytes file) {
  constexpr std::string_view kExif = "Exif\0\0"sv;
  constexpr uint32_t kApp1 = 0xE1;
  constexpr uint32_t kStartOfScan = 0xDA;
  for (size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != std::byte{0xFF}) return 1;
    const auto marker = static_cast<uint32_t>(file[at + 1]);
    if (marker == 0xFF) {  // Filling.
      ++at;
      continue;
    }
    if (marker == kStartOfScan) return 1;
    const size_t length = number(file, at + 2, 2, Order::kBig);
    if (length < 2) return 1;
    if (marker == kApp1 && has(file, at + 4, kExif)) return of_tiff(behind(file, at + 4 + kExif.size()));
    at += 2 + length;
  }
  return 1;
}

int of_png(Bytes file) {
  for (size_t at = 8; at + 8 <= file.size();) {
    if (has(file, at + 4, "eXIf"sv)) return of_tiff(behind(file, at + 8));
    at += size_t{12} + number(file, at, 4, Order::kBig);
  }
  return 1;
}

int of_webp(Bytes file) {
  constexpr std::string_view kExif = "Exif\0\0"sv;
  for (size_t at = 12; at + 8 <= file.size();) {
    const size_t length = number(file, at + 4, 4, Order::kLittle);
    if (has(file, at, "EXIF"sv)) {
      const Bytes data = behind(file, at + 8);
      return of_tiff(has(data, 0, kExif) ? behind(data, kExif.size()) : data);
    }
    at += 8 + length + length % 2;
  }
  return 1;
}

}  // namespace

int exif_orientation(Bytes file) {
  if (has(file, 0, "\xFF\xD8"sv)) return of_jpeg(file);
  if (has(file, 0, "\x89PNG"sv)) return of_png(file);
  if (has(file, 0, "RIFF"sv)) return of_webp(file);
  return of_tiff(file);
}

void turn_upright(const Image& stored, int orientation, Image& upright) {
  const auto [height, width] = stored.size();
  const bool exchanges = orientation >= 5;
  upright.reset(exchanges ? Size{width, height} : Size{height, width});
  // The sides of the stored picture from which rows and columns are taken.
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  for (int y = 0; y < upright.size().height; ++y) {
    uint8_t* out = upright.row(y);
    for (int x = 0; x < upright.size().width; ++x, out += kPixelBytes) {
      int row = exchanges ? x : y;
      int column = exchanges ? y : x;
      if (from_below) row = height - 1 - row;
      if (from_right) column = width - 1 - column;
      std::memcpy(out, stored.row(row) + static_cast<size_t>(column) * kPixelBytes, kPixelBytes);
    }
  }
}

}  // namespace millrace::image
