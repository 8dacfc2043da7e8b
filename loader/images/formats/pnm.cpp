#include "millrace/loader/images/formats/pnm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "millrace/loader/images/pixel.h"

namespace millrace::image {
namespace {

bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

class PnmReader final : public FormatReader {
 public:
  explicit PnmReader(std::span<const std::byte> file) : file_(file) {
    kind_ = u8(1) - '0';
    at_ = 2;
    const uint32_t width = number();
    const uint32_t height = number();
    largest_ = is_bits() ? 1 : number();
    constexpr uint32_t kMost = std::numeric_limits<int>::max() / 8;
    if (width == 0 || height == 0 || width > kMost || height > kMost)
      throw broken(name(), "a picture of " + std::to_string(height) + "x" + std::to_string(width) + " pixels");
    if (largest_ == 0 || largest_ > 65535) throw broken(name(), "a maximum of " + std::to_string(largest_));
    size_ = {static_cast<int>(height), static_cast<int>(width)};
    if (!is_text()) ++at_;  // The one space behind the header; the next may be a pixel.
    // Text has at least a digit a value, and a space between all but bits.
    const uint64_t values = uint64_t{width} * height * samples();
    const uint64_t needed = kind_ == 4   ? (uint64_t{width} + 7) / 8 * height
                            : kind_ == 1 ? values
                            : is_text()  ? 2 * values - 1
                                         : values * sample_bytes();
    const uint64_t there = file_.size() - std::min(at_, file_.size());
    if (there < needed)
      throw broken(name(), "the file has " + std::to_string(there) + " bytes of pixels and should have " +
                               std::to_string(needed));
  }

  Size size() const override { return size_; }

  void read_colours(Image& picture) override {
    const std::vector<uint8_t> scaled = scale();
    for (int y = 0; y < size_.height; ++y) {
      uint8_t* pixel = picture.row(y);
      Row row(*this, y);
      for (int x = 0; x < size_.width; ++x, pixel += kPixelBytes) {
        const uint8_t first = scaled[row.next()];
        if (samples() == 1) {
          put_colours(pixel, first, first, first);
        } else {
          const uint8_t second = scaled[row.next()];
          put_colours(pixel, first, second, scaled[row.next()]);
        }
      }
    }
  }

  void read_numbers(std::span<uint16_t> numbers) override {
    if (samples() != 1) throw no_numbers("a PPM, which stores colours");
    if (is_bits()) throw no_numbers("a PBM of 1 bit a pixel");
    auto out = numbers.begin();
    for (int y = 0; y < size_.height; ++y) {
      Row row(*this, y);
      for (int x = 0; x < size_.width; ++x) *out++ = row.next();
    }
  }

 private:
  /// The values of a row, one after the other, none above the maximum.
  class Row {
   public:
    Row(PnmReader& reader, int y) : reader_(reader) {
      const auto width = static_cast<size_t>(reader.size_.width);
      const size_t bytes =
          reader.kind_ == 4 ? (width + 7) / 8 : width * static_cast<size_t>(reader.samples()) * reader.sample_bytes();
      at_ = reader.at_ + static_cast<size_t>(y) * bytes;
    }

    uint16_t next() {
      switch (reader_.kind_) {
        case 1:
          return reader_.text_bit();
        case 2:
        case 3:
          return reader_.text_value();
        case 4: {
          const auto bit = static_cast<uint16_t>(reader_.u8(at_ + column_ / 8) >> (7 - column_ % 8) & 1);
          ++column_;
          return bit;
        }
        default: {
          uint32_t value = reader_.u8(at_++);
          if (reader_.sample_bytes() == 2) value = value << 8 | reader_.u8(at_++);
          return static_cast<uint16_t>(std::min(value, reader_.largest_));
        }
      }
    }

   private:
    PnmReader& reader_;
    size_t at_ = 0;
    size_t column_ = 0;
  };

  bool is_text() const { return kind_ <= 3; }
  bool is_bits() const { return kind_ == 1 || kind_ == 4; }
  int samples() const { return kind_ % 3 == 0 ? 3 : 1; }
  size_t sample_bytes() const { return largest_ > 255 ? 2 : 1; }
  std::string name() const { return is_bits() ? "PBM" : samples() == 1 ? "PGM" : "PPM"; }

  uint8_t u8(size_t at) const { return at < file_.size() ? static_cast<uint8_t>(file_[at]) : uint8_t{0}; }

  /// Each value as a fraction of 255, rounded as Python rounds, and so as Pillow. A bit that is set is black.
  std::vector<uint8_t> scale() const {
    if (is_bits()) return {255, 0};
    std::vector<uint8_t> scaled(size_t{largest_} + 1);
    for (size_t i = 0; i < scaled.size(); ++i)
      scaled[i] = static_cast<uint8_t>(std::nearbyint(static_cast<double>(i) / largest_ * 255));
    return scaled;
  }

  void skip_space() {
    while (at_ < file_.size()) {
      if (u8(at_) == '#') {
        while (at_ < file_.size() && u8(at_) != '\n' && u8(at_) != '\r') ++at_;
      } else if (is_space(u8(at_))) {
        ++at_;
      } else {
        return;
      }
    }
    throw broken(name(), "the file ends too early");
  }

  uint32_t number() {
    skip_space();
    const size_t begin = at_;
    uint64_t value = 0;
    for (; u8(at_) >= '0' && u8(at_) <= '9'; ++at_) {
      value = value * 10 + (u8(at_) - '0');
      if (value > std::numeric_limits<uint32_t>::max()) throw broken(name(), "a number of too many digits");
    }
    const bool ends_properly = at_ == file_.size() || is_space(u8(at_)) || u8(at_) == '#';
    if (at_ == begin || !ends_properly) throw broken(name(), "no number at byte " + std::to_string(begin));
    return static_cast<uint32_t>(value);
  }

  uint16_t text_value() {
    const uint32_t value = number();
    if (value > largest_)
      throw broken(name(), "a value of " + std::to_string(value) + " over the maximum of " + std::to_string(largest_));
    return static_cast<uint16_t>(value);
  }

  /// Bits may stand without a space between them.
  uint16_t text_bit() {
    skip_space();
    const uint8_t digit = u8(at_);
    if (digit != '0' && digit != '1') throw broken(name(), "no bit at byte " + std::to_string(at_));
    ++at_;
    return static_cast<uint16_t>(digit - '0');
  }

  std::span<const std::byte> file_;
  size_t at_ = 0;  // The place of the next text, or of the pixels.
  int kind_ = 0;   // The digit behind the P.
  uint32_t largest_ = 1;
  Size size_;
};

}  // namespace

bool looks_like_pnm(std::span<const std::byte> file) {
  if (file.size() < 3 || file[0] != std::byte{'P'}) return false;
  const auto kind = static_cast<uint8_t>(file[1]);
  const auto next = static_cast<uint8_t>(file[2]);
  return kind >= '1' && kind <= '6' && (is_space(next) || next == '#');
}

std::unique_ptr<FormatReader> open_pnm(std::span<const std::byte> file) { return std::make_unique<PnmReader>(file); }

}  // namespace millrace::image
