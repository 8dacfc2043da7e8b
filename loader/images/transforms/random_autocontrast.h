#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomAutocontrast: each channel's values stretched over 0..255, with probability p.
struct RandomAutocontrast : KeepsShape {
  double p = 0.5;

  static constexpr std::string_view kName = "RandomAutocontrast";
  static constexpr std::string_view kAbout = "each channel's values stretched over 0..255";
  static constexpr auto fields() { return list(probability(&RandomAutocontrast::p)); }

  RandomAutocontrast() = default;
  explicit RandomAutocontrast(double probability);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomAutocontrast&) const = default;
};

}  // namespace millrace::transforms
