#include "millrace/loader/images/tones.h"

#include <algorithm>
#include <array>
#include <span>

namespace millrace::image {
namespace {

std::span<uint8_t> plane_of(Planes picture, int channel) { return {picture.row(channel, 0), picture.plane_values()}; }

}  // namespace

void invert(Planes picture) {
  map_values(picture, [](uint8_t value) { return static_cast<uint8_t>(~value); });
}

void posterize(Planes picture, int bits) {
  const auto mask = static_cast<uint8_t>(0xff00 >> bits);
  map_values(picture, [&](uint8_t value) { return static_cast<uint8_t>(value & mask); });
}

void solarize(Planes picture, double threshold) {
  const auto least = static_cast<float>(threshold);
  map_values(picture, [&](uint8_t value) { return value >= least ? static_cast<uint8_t>(~value) : value; });
}

void autocontrast(Planes picture) {
  for (int channel = 0; channel < picture.channels; ++channel) {
    const auto plane = plane_of(picture, channel);
    const auto [low, high] = std::minmax_element(plane.begin(), plane.end());
    if (*low == *high) continue;
    const float least = *low;
    const float scale = static_cast<float>(*high - *low) * (1.0f / 255.0f);
    map_values(plane, [&](uint8_t value) {
      return static_cast<uint8_t>(std::clamp((static_cast<float>(value) - least) / scale, 0.0f, 255.0f));
    });
  }
}

void equalize(Planes picture) {
  for (int channel = 0; channel < picture.channels; ++channel) {
    const auto plane = plane_of(picture, channel);
    std::array<size_t, 256> counts = {};
    for (const uint8_t value : plane) ++counts[value];
    const size_t most = *std::find_if(counts.rbegin(), counts.rend(), [](size_t count) { return count > 0; });
    const size_t step = (plane.size() - most) / 255;
    if (step == 0) continue;
    size_t before = 0;  // Pixels of smaller values.
    map_values(plane, [&](uint8_t value) {
      const size_t level = value == 0 ? 0 : (before + step / 2) / step;
      before += counts[value];
      return static_cast<uint8_t>(std::min(level, size_t{255}));
    });
  }
}

void adjust_sharpness(Planes picture, double factor, std::vector<uint8_t>& scratch) {
  const auto [height, width] = picture.size;
  if (height <= 2 || width <= 2) return;
  const auto rest = static_cast<float>(1 - factor);
  const auto row_values = static_cast<size_t>(width);
  scratch.resize(2 * row_values);
  for (int channel = 0; channel < picture.channels; ++channel) {
    // Rows as they were: the one above, which has been overwritten, and this one, which is being.
    uint8_t* above = scratch.data();
    uint8_t* here = above + row_values;
    std::copy_n(picture.row(channel, 0), row_values, above);
    for (int y = 1; y < height - 1; ++y) {
      uint8_t* const row = picture.row(channel, y);
      const uint8_t* const below = picture.row(channel, y + 1);
      std::copy_n(row, row_values, here);
      for (size_t x = 1; x < row_values - 1; ++x) {
        int sum = 4 * here[x];
        for (size_t i = x - 1; i <= x + 1; ++i) sum += above[i] + here[i] + below[i];
        const auto smooth = static_cast<float>((2 * sum + 13) / 26);  // sum / 13, to the nearest.
        const float value = here[x];
        row[x] = static_cast<uint8_t>(std::clamp(value + rest * (smooth - value), 0.0f, 255.0f));
      }
      std::swap(above, here);
    }
  }
}

}  // namespace millrace::image
