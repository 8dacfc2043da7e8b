#include "millrace/loader/images/formats/bmp.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <limits>
#include <vector>

#include "millrace/loader/images/pixel.h"

namespace millrace::image {
namespace {

constexpr size_t kFileHeader = 14;
constexpr std::array<uint32_t, 8> kHeaderSizes = {12, 16, 40, 52, 56, 64, 108, 124};
constexpr uint32_t kCoreHeader = 12;
constexpr uint32_t kInfoHeader = 40;
constexpr uint32_t kOs2Header = 64;

enum Compression : uint32_t {
  kNone = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kJpeg = 4,
  kPng = 5,
  kAlphaBitFields = 6
};

/// Little-endian numbers at any place of a file; 0 behind its end, which readers of headers look for first.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> file) : file_(file) {}

  size_t size() const { return file_.size(); }
  uint8_t u8(size_t at) const { return at < file_.size() ? static_cast<uint8_t>(file_[at]) : uint8_t{0}; }
  uint32_t u16(size_t at) const { return u8(at) | uint32_t{u8(at + 1)} << 8; }
  uint32_t u32(size_t at) const { return u16(at) | u16(at + 2) << 16; }
  int32_t i32(size_t at) const { return static_cast<int32_t>(u32(at)); }

 private:
  std::span<const std::byte> file_;
};

/// The bits of a pixel that are a channel.
struct Channel {
  uint32_t mask = 0;

  uint8_t of(uint32_t pixel) const {
    if (mask == 0) return 0;
    const int shift = std::countr_zero(mask);
    const uint64_t largest = mask >> shift;
    return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / largest);
  }
};

class BmpReader final : public FormatReader {
 public:
  explicit BmpReader(std::span<const std::byte> file) : bytes_(file) {
    const uint32_t header = bytes_.u32(kFileHeader);
    if (bytes_.size() < kFileHeader + header) throw broken("BMP", "the file ends in its header");
    int64_t height = 0;
    int64_t width = 0;
    if (header == kCoreHeader) {
      width = bytes_.u16(kFileHeader + 4);
      height = bytes_.u16(kFileHeader + 6);
      bits_ = bytes_.u16(kFileHeader + 10);
    } else {
      width = bytes_.i32(kFileHeader + 4);
      height = bytes_.i32(kFileHeader + 8);
      bits_ = bytes_.u16(kFileHeader + 14);
      compression_ = header >= kInfoHeader ? bytes_.u32(kFileHeader + 16) : uint32_t{kNone};
    }
    top_down_ = height < 0;
    height = std::abs(height);
    constexpr int64_t kMost = std::numeric_limits<int>::max() / 8;
    if (width <= 0 || height == 0 || width > kMost || height > kMost)
      throw broken("BMP", "a picture of " + std::to_string(height) + "x" + std::to_string(width) + " pixels");
    size_ = {static_cast<int>(height), static_cast<int>(width)};
    size_t behind_header = kFileHeader + header;
    require_kind(header);
    if (bits_ >= 16) behind_header += read_channels(header);
    pixels_at_ = bytes_.u32(10);
    if (bits_ <= 8) {
      const size_t behind_palette = read_palette(header, behind_header);
      if (pixels_at_ == behind_header)
        pixels_at_ = behind_palette;  // Some writers forget the palette, as Pillow knows.
    }
    if (!is_run_length()) {
      const uint64_t needed = pixels_at_ + (static_cast<uint64_t>(height) - 1) * stride() + row_bytes();
      if (bytes_.size() < needed)
        throw broken(
            "BMP", "the file ends after " + std::to_string(bytes_.size()) + " of " + std::to_string(needed) + " bytes");
    }
  }

  Size size() const override { return size_; }

  void read_colours(Image& picture) override {
    if (bits_ <= 8) {
      for_each_index([&](int y, int x, uint8_t index) {
        const auto& [red, green, blue] = palette_[index];
        put_colours(picture.row(y) + static_cast<size_t>(x) * kPixelBytes, red, green, blue);
      });
      return;
    }
    const size_t pixel_bytes = bits_ / 8;
    for (int row = 0; row < size_.height; ++row) {
      size_t at = row_at(row);
      uint8_t* out = picture.row(y_of(row));
      for (int x = 0; x < size_.width; ++x, at += pixel_bytes, out += kPixelBytes) {
        if (bits_ == 24) {
          put_colours(out, bytes_.u8(at + 2), bytes_.u8(at + 1), bytes_.u8(at));
        } else {
          const uint32_t pixel = bits_ == 16 ? bytes_.u16(at) : bytes_.u32(at);
          put_colours(out, red_.of(pixel), green_.of(pixel), blue_.of(pixel));
        }
      }
    }
  }

  void read_numbers(std::span<uint16_t> numbers) override {
    if (bits_ > 8) throw no_numbers("a BMP with colours");
    for_each_index([&](int y, int x, uint8_t index) {
      numbers[static_cast<size_t>(y) * static_cast<size_t>(size_.width) + static_cast<size_t>(x)] = index;
    });
  }

 private:
  bool is_run_length() const { return compression_ == kRle8 || compression_ == kRle4; }
  uint64_t row_bytes() const { return (static_cast<uint64_t>(size_.width) * bits_ + 7) / 8; }
  uint64_t stride() const { return (static_cast<uint64_t>(size_.width) * bits_ + 31) / 32 * 4; }
  int y_of(int row) const { return top_down_ ? row : size_.height - 1 - row; }
  size_t row_at(int row) const { return pixels_at_ + static_cast<size_t>(row) * stride(); }

  void require_kind(uint32_t header) const {
    constexpr std::array<uint32_t, 7> kDepths = {1, 2, 4, 8, 16, 24, 32};
    // OS/2 numbers its compressions otherwise from 3 on.
    if (header == kOs2Header && compression_ > kRle4) throw unsupported("BMP", "a compression of OS/2");
    if (compression_ == kJpeg || compression_ == kPng) throw unsupported("BMP", "a JPEG or PNG inside");
    if (compression_ > kAlphaBitFields) throw unsupported("BMP", "compression " + std::to_string(compression_));
    if (std::find(kDepths.begin(), kDepths.end(), bits_) == kDepths.end())
      throw unsupported("BMP", std::to_string(bits_) + (bits_ == 1 ? " bit" : " bits") + " a pixel");
    const bool fits = (compression_ != kRle8 || bits_ == 8) && (compression_ != kRle4 || bits_ == 4) &&
                      (compression_ < kBitFields || bits_ == 16 || bits_ == 32);
    if (!fits) throw broken("BMP", "a compression that does not go with its bits a pixel");
  }

  /// Gives the bytes of the masks that stand behind the header.
  size_t read_channels(uint32_t header) {
    if (compression_ < kBitFields) {
      red_.mask = bits_ == 16 ? 0x7C00 : 0xFF0000;
      green_.mask = bits_ == 16 ? 0x3E0 : 0xFF00;
      blue_.mask = bits_ == 16 ? 0x1F : 0xFF;
      return 0;
    }
    constexpr size_t kMasks =
        kFileHeader + kInfoHeader;  // At the same place behind the short header and in longer ones.
    if (bytes_.size() < kMasks + 12) throw broken("BMP", "the file ends in its bit fields");
    red_.mask = bytes_.u32(kMasks);
    green_.mask = bytes_.u32(kMasks + 4);
    blue_.mask = bytes_.u32(kMasks + 8);
    return header > kInfoHeader ? 0 : size_t{compression_ == kAlphaBitFields ? 16u : 12u};
  }

  /// Gives where the palette ends. Colours that the file leaves out are black.
  size_t read_palette(uint32_t header, size_t at) {
    const size_t entry = header == kCoreHeader ? 3 : 4;
    size_t count = size_t{1} << bits_;
    if (header >= kInfoHeader && bytes_.u32(kFileHeader + 32) != 0)
      count = std::min<size_t>(count, bytes_.u32(kFileHeader + 32));
    for (size_t i = 0; i < count; ++i, at += entry) palette_[i] = {bytes_.u8(at + 2), bytes_.u8(at + 1), bytes_.u8(at)};
    return at;
  }

  /// Calls put(y, x, index) for every pixel.
  template <class Put>
  void for_each_index(Put put) {
    if (is_run_length()) {
      const std::vector<uint8_t> indices = run_lengths();
      const uint8_t* index = indices.data();
      for (int row = 0; row < size_.height; ++row)
        for (int x = 0; x < size_.width; ++x) put(y_of(row), x, *index++);
      return;
    }
    const uint32_t in_byte = 8 / bits_;
    const uint32_t mask = (1u << bits_) - 1;
    for (int row = 0; row < size_.height; ++row) {
      for (int x = 0; x < size_.width; ++x) {
        const auto column = static_cast<uint32_t>(x);
        const uint32_t byte = bytes_.u8(row_at(row) + column / in_byte);
        put(y_of(row), x, static_cast<uint8_t>(byte >> (8 - bits_ * (column % in_byte + 1)) & mask));
      }
    }
  }

  /// The indices from the lowest row up. What the runs leave out is 0.
  std::vector<uint8_t> run_lengths() const {
    const auto width = static_cast<size_t>(size_.width);
    const auto height = static_cast<size_t>(size_.height);
    std::vector<uint8_t> indices(width * height);
    size_t y = 0;
    size_t x = 0;
    // Runs may leave a row at its right end, in files that are common; the pixels there are nobody's.
    const auto put = [&](uint8_t index) {
      if (y < height && x < width) indices[y * width + x] = index;
      ++x;
    };
    const auto nibble = [](uint8_t byte, size_t i) { return static_cast<uint8_t>(i % 2 == 0 ? byte >> 4 : byte & 15); };
    for (size_t at = pixels_at_; y < height;) {
      if (at + 2 > bytes_.size()) {
        if (y + 1 == height && x >= width) break;  // All pixels are there, the mark behind them is not.
        throw broken("BMP", "the file ends in a run");
      }
      const size_t count = bytes_.u8(at);
      const uint8_t value = bytes_.u8(at + 1);
      at += 2;
      if (count > 0) {
        for (size_t i = 0; i < count; ++i) put(compression_ == kRle8 ? value : nibble(value, i));
      } else if (value == 0) {  // The end of the row.
        x = 0;
        ++y;
      } else if (value == 1) {  // The end of the picture.
        break;
      } else if (value == 2) {  // A step to the right and up.
        if (at + 2 > bytes_.size()) throw broken("BMP", "the file ends in a run");
        x += bytes_.u8(at);
        y += bytes_.u8(at + 1);
        at += 2;
      } else {  // That many pixels as they are, filled up to a multiple of 16 bits.
        const size_t packed = compression_ == kRle8 ? value : (size_t{value} + 1) / 2;
        if (at + packed > bytes_.size()) throw broken("BMP", "the file ends in a run");
        for (size_t i = 0; i < value; ++i)
          put(compression_ == kRle8 ? bytes_.u8(at + i) : nibble(bytes_.u8(at + i / 2), i));
        at += (packed + 1) / 2 * 2;
      }
    }
    return indices;
  }

  Bytes bytes_;
  Size size_;
  bool top_down_ = false;
  uint32_t bits_ = 0;
  uint32_t compression_ = kNone;
  size_t pixels_at_ = 0;
  Channel red_, green_, blue_;
  std::array<std::array<uint8_t, 3>, 256> palette_{};
};

}  // namespace

bool looks_like_bmp(std::span<const std::byte> file) {
  const Bytes bytes(file);
  return bytes.size() >= kFileHeader + 4 && bytes.u8(0) == 'B' && bytes.u8(1) == 'M' &&
         std::find(kHeaderSizes.begin(), kHeaderSizes.end(), bytes.u32(kFileHeader)) != kHeaderSizes.end();
}

std::unique_ptr<FormatReader> open_bmp(std::span<const std::byte> file) { return std::make_unique<BmpReader>(file); }

}  // namespace millrace::image
