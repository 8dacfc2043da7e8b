#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomInvert: the picture's negative, with probability p.
struct RandomInvert : KeepsShape {
  double p = 0.5;

  static constexpr std::string_view kName = "RandomInvert";
  static constexpr std::string_view kAbout = "the negative";
  static constexpr auto fields() { return list(probability(&RandomInvert::p)); }

  RandomInvert() = default;
  explicit RandomInvert(double probability);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomInvert&) const = default;
};

}  // namespace millrace::transforms
