#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

using image::Interpolation;

/// torchvision.transforms.v2.RandomRotation about the middle, without `expand`: sizes do not depend on chance here.
struct RandomRotation : KeepsShape {
  std::pair<double, double> degrees = {0, 0};  ///< Counter-clockwise.
  Interpolation interpolation = Interpolation::kNearest;
  std::vector<uint8_t> fill = {0};  ///< Shown where no picture lies; one value for all channels or for each.

  static constexpr std::string_view kName = "RandomRotation";
  static constexpr std::string_view kAbout = "about the middle; no `expand`, a batch's size cannot depend on chance";
  static constexpr auto fields() {
    return list(field<forms::Symmetric>("degrees", &RandomRotation::degrees).required().shown(),
                field("interpolation", &RandomRotation::interpolation),
                channel_values("fill", &RandomRotation::fill, "fill values"));
  }

  RandomRotation() = default;
  /// Turns by an angle from -most to most degrees.
  explicit RandomRotation(double most, Interpolation mode = Interpolation::kNearest, std::vector<uint8_t> values = {0});
  explicit RandomRotation(std::pair<double, double> range, Interpolation mode = Interpolation::kNearest,
                          std::vector<uint8_t> values = {0});
  void check() const;

  image::Affine draw(SampleRng& rng) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomRotation&) const = default;
};

}  // namespace millrace::transforms
