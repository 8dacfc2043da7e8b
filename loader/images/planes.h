#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"

namespace millrace::image {

/// 8-bit planes one behind the other, as a batch holds them, in memory that belongs to somebody else.
struct Planes {
  uint8_t* values = nullptr;
  Size size;
  int channels = 3;

  size_t plane_values() const { return static_cast<size_t>(size.height) * static_cast<size_t>(size.width); }
  uint8_t* row(int channel, int y) const {
    return values + static_cast<size_t>(channel) * plane_values() + static_cast<size_t>(y) * size_t(size.width);
  }
};

/// Replaces each value by what `function` makes of it. The function is asked once for each of 0..255, in that order.
template <class Function>
void map_values(std::span<uint8_t> values, Function function) {
  std::array<uint8_t, 256> table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = function(static_cast<uint8_t>(i));
  std::transform(values.begin(), values.end(), values.begin(), [&](uint8_t value) { return table[value]; });
}

template <class Function>
void map_values(Planes picture, Function function) {
  const size_t count = picture.plane_values() * static_cast<size_t>(picture.channels);
  map_values(std::span(picture.values, count), std::move(function));
}

/// The pixels that are added at each side of a picture.
struct Borders {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;

  bool operator==(const Borders&) const = default;
};

/// The size of a picture of `size` together with its borders.
inline Size padded(Size size, const Borders& borders) {
  return {size.height + borders.top + borders.bottom, size.width + borders.left + borders.right};
}

/// What borders show: one colour, the outermost pixels, or the picture mirrored without and with its outermost pixels.
enum class PadMode : uint8_t { kConstant, kEdge, kReflect, kSymmetric };

/// Turns the picture upside down.
void flip_vertical(Planes picture);

/// Writes `picture` with borders to `out`, which has the size of both together. `fill` is one value for all channels or
/// one for each. Throws std::invalid_argument for mirrored borders wider than the picture has pixels to mirror.
void pad(Planes picture, const Borders& borders, PadMode mode, std::span<const uint8_t> fill, uint8_t* out);

/// Paints `box`, which lies inside the picture; `value` as in pad().
void fill_box(Planes picture, const Box& box, std::span<const uint8_t> value);

/// Blurs the picture: convolution with a Gaussian cut to kernel.height x kernel.width, odd numbers, with borders
/// mirrored without the outermost pixels, and rounded to the nearest. It is
/// torchvision.transforms.v2.functional.gaussian_blur in two passes instead of one, so that values next to a half may
/// round the other way. `scratch` keeps its memory between calls. Throws std::invalid_argument where half a kernel
/// reaches further than the picture.
void gaussian_blur(Planes picture, Size kernel, double sigma, std::vector<float>& scratch);

}  // namespace millrace::image
