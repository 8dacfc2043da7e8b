#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomPosterize: the upper `bits` of each value, 0..8, with probability p.
struct RandomPosterize : KeepsShape {
  int bits = 8;
  double p = 0.5;

  static constexpr std::string_view kName = "RandomPosterize";
  static constexpr std::string_view kAbout = "the upper bits of each value";
  static constexpr auto fields() {
    return list(field("bits", &RandomPosterize::bits).within(0, 8).required().shown(),
                probability(&RandomPosterize::p));
  }

  RandomPosterize() = default;
  explicit RandomPosterize(int kept_bits, double probability = 0.5);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomPosterize&) const = default;
};

}  // namespace millrace::transforms
