#pragma once

#include <cmath>
#include <optional>
#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/sample_rng.h"

namespace millrace::transforms {

/// Draws a box inside `input` with a uniformly drawn area, as a part of the picture's, and a log-uniformly drawn ratio
/// of its sides. `size_of` makes an optional size of the two sides, the ratio's numerator first. After ten boxes that
/// `size_of` refuses there is none.
template <class SizeOf>
std::optional<image::Box> draw_box(image::Size input, std::pair<double, double> scale, std::pair<double, double> ratio,
                                   SizeOf size_of, SampleRng& rng) {
  const double area = static_cast<double>(input.height) * input.width;
  const double log_low = std::log(ratio.first);
  const double log_high = std::log(ratio.second);
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const double target_area = area * rng.uniform(scale.first, scale.second);
    const double aspect_ratio = std::exp(rng.uniform(log_low, log_high));
    const double numerator = std::nearbyint(std::sqrt(target_area * aspect_ratio));
    const double denominator = std::nearbyint(std::sqrt(target_area / aspect_ratio));
    const std::optional<image::Size> size = size_of(numerator, denominator);
    if (!size) continue;
    const auto y = static_cast<int>(rng.integer(0, input.height - size->height));
    const auto x = static_cast<int>(rng.integer(0, input.width - size->width));
    return image::Box{y, x, size->height, size->width};
  }
  return std::nullopt;
}

}  // namespace millrace::transforms
