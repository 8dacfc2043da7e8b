#pragma once

#include <cstdint>
#include <stdexcept>

#include "millrace/loader/images/transforms/pixels.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::test {

/// Black and white: values from `threshold` on are 255, the others 0, with probability p. A transform as one adds it,
/// in one file; missing_parts_test.cpp leaves out its parts.
struct RandomThreshold : transforms::KeepsShape {
  int threshold = 128;
  double p = 0.5;

  static constexpr std::string_view kName = "RandomThreshold";
  static constexpr std::string_view kAbout = "black and white";
  static constexpr auto fields() {
    return transforms::list(transforms::field("threshold", &RandomThreshold::threshold).within(0, 255).shown(),
                            transforms::probability(&RandomThreshold::p));
  }

  RandomThreshold() = default;
  explicit RandomThreshold(int least, double probability = 0.5) : threshold(least), p(probability) { check(); }

  void check() const {
    if (threshold < 0 || threshold > 255) throw std::invalid_argument("RandomThreshold: threshold must be 0..255");
    if (!(p >= 0 && p <= 1)) throw std::invalid_argument("RandomThreshold: p must be 0..1");
  }

  void apply(transforms::Pixels& picture, SampleRng& rng) const {
    if (!rng.chance(p)) return;
    image::map_values(picture.planes(), [&](uint8_t value) -> uint8_t { return value < threshold ? 0 : 255; });
  }

  bool operator==(const RandomThreshold&) const = default;
};

}  // namespace millrace::test
