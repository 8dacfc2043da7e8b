#include "millrace/loader/images/color.h"

#include <algorithm>
#include <cmath>

#include "millrace/loader/images/kernels.h"

namespace millrace::image {
namespace {

/// Rounded down and held within 0..255, as a tensor's clamp and conversion do.
uint8_t to_byte(float value) { return static_cast<uint8_t>(std::min(std::max(value, 0.0f), 255.0f)); }

uint8_t gray(uint8_t red, uint8_t green, uint8_t blue) {
  return static_cast<uint8_t>(0.2989f * red + 0.587f * green + 0.114f * blue);
}

/// value * ratio + other * (1 - ratio)
uint8_t blend(uint8_t value, float other, float ratio, float rest) { return to_byte(value * ratio + other * rest); }

float mean_gray(Planes picture) {
  const size_t count = picture.plane_values();
  const uint8_t* const red = picture.values;
  const uint8_t* const green = red + count;
  const uint8_t* const blue = green + count;
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += picture.channels == 1 ? red[i] : gray(red[i], green[i], blue[i]);
  return static_cast<float>(static_cast<double>(sum) / static_cast<double>(count));
}

}  // namespace

void adjust_brightness(Planes picture, double factor) {
  const auto ratio = static_cast<float>(factor);
  map_values(picture, [&](uint8_t value) { return to_byte(value * ratio); });
}

void adjust_contrast(Planes picture, double factor) {
  const float mean = mean_gray(picture);
  const auto ratio = static_cast<float>(factor);
  const auto rest = static_cast<float>(1 - factor);
  map_values(picture, [&](uint8_t value) { return blend(value, mean, ratio, rest); });
}

void adjust_saturation(Planes picture, double factor) {
  if (picture.channels == 1) return;
  const size_t count = picture.plane_values();
  uint8_t* const red = picture.values;
  uint8_t* const green = red + count;
  uint8_t* const blue = green + count;
  const auto ratio = static_cast<float>(factor);
  const auto rest = static_cast<float>(1 - factor);
  for (size_t i = 0; i < count; ++i) {
    const auto luma = static_cast<float>(gray(red[i], green[i], blue[i]));
    red[i] = blend(red[i], luma, ratio, rest);
    green[i] = blend(green[i], luma, ratio, rest);
    blue[i] = blend(blue[i], luma, ratio, rest);
  }
}

void adjust_hue(Planes picture, double turn) {
  if (picture.channels == 1) return;
  const size_t count = picture.plane_values();
  uint8_t* const red = picture.values;
  uint8_t* const green = red + count;
  uint8_t* const blue = green + count;
  const auto sixths = static_cast<float>(turn < 0 ? turn * 6 + 6 : turn * 6);
  // A turn by next to nothing backwards is rounded to a whole one.
  turn_hues(red, green, blue, count, sixths < 6 ? sixths : 0);
}

void gray_into_first(Planes picture) {
  const size_t count = picture.plane_values();
  uint8_t* const red = picture.values;
  for (size_t i = 0; i < count; ++i) red[i] = gray(red[i], red[count + i], red[2 * count + i]);
}

}  // namespace millrace::image
