#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomSolarize: values from `threshold` (0..255) on are inverted, with probability p.
struct RandomSolarize : KeepsShape {
  double threshold = 255;
  double p = 0.5;

  static constexpr std::string_view kName = "RandomSolarize";
  static constexpr std::string_view kAbout = "values from the threshold on are inverted";
  static constexpr auto fields() {
    return list(field("threshold", &RandomSolarize::threshold).required().shown(), probability(&RandomSolarize::p));
  }

  RandomSolarize() = default;
  explicit RandomSolarize(double least, double probability = 0.5);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomSolarize&) const = default;
};

}  // namespace millrace::transforms
