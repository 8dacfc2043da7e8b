#pragma once

#include <cstdint>

namespace millrace::image {

/// Conversions of the four bytes of a pixel, for decoders; the sums are Pillow's, to the bit.

inline void put_colours(uint8_t* pixel, uint8_t red, uint8_t green, uint8_t blue) {
  pixel[0] = red;
  pixel[1] = green;
  pixel[2] = blue;
  pixel[3] = 255;
}

/// The product of two fractions of 255, as a fraction of 255.
constexpr uint8_t times_over_255(int a, int b) {
  const int product = a * b + 128;
  return static_cast<uint8_t>(((product >> 8) + product) >> 8);
}

/// Turns cyan, magenta, yellow and black, 255 being most ink, into red, green and blue. `inks` and `pixel` may be the
/// same.
inline void ink_to_colours(const uint8_t* inks, uint8_t* pixel) {
  const int light = 255 - inks[3];
  const auto left = [&](int i) { return static_cast<uint8_t>(light - times_over_255(inks[i], light)); };
  put_colours(pixel, left(0), left(1), left(2));
}

/// The luma of red, green and blue, as Pillow's convert("L") gives it.
constexpr uint8_t luma(const uint8_t* pixel) {
  return static_cast<uint8_t>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

}  // namespace millrace::image
