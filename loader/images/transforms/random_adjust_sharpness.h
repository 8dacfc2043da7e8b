#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomAdjustSharpness: smoother (0), as it is (1), sharper (2, ...), with probability p.
struct RandomAdjustSharpness : KeepsShape {
  double sharpness_factor = 1;
  double p = 0.5;

  static constexpr std::string_view kName = "RandomAdjustSharpness";
  static constexpr std::string_view kAbout = "smoother (0), as it is (1), sharper (2, …)";
  static constexpr auto fields() {
    return list(field("sharpness_factor", &RandomAdjustSharpness::sharpness_factor).required().shown(),
                probability(&RandomAdjustSharpness::p));
  }

  RandomAdjustSharpness() = default;
  explicit RandomAdjustSharpness(double factor, double probability = 0.5);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomAdjustSharpness&) const = default;
};

}  // namespace millrace::transforms
