#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomEqualize: each channel's histogram flattened, with probability p.
struct RandomEqualize : KeepsShape {
  double p = 0.5;

  static constexpr std::string_view kName = "RandomEqualize";
  static constexpr std::string_view kAbout = "each channel's histogram flattened";
  static constexpr auto fields() { return list(probability(&RandomEqualize::p)); }

  RandomEqualize() = default;
  explicit RandomEqualize(double probability);
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomEqualize&) const = default;
};

}  // namespace millrace::transforms
