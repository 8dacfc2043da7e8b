#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/sample_rng.h"

namespace millrace::transforms {

using image::Interpolation;

/// torchvision.transforms.v2.RandomRotation about the middle, without `expand`: sizes do not depend on chance here.
struct RandomRotation {
  std::pair<double, double> degrees = {0, 0};  ///< Counter-clockwise.
  Interpolation interpolation = Interpolation::kNearest;
  std::vector<uint8_t> fill = {0};  ///< Where no picture comes to lie; one value for all channels or one for each.

  RandomRotation() = default;
  /// From -degrees to degrees.
  explicit RandomRotation(double most, Interpolation mode = Interpolation::kNearest, std::vector<uint8_t> values = {0});
  explicit RandomRotation(std::pair<double, double> range, Interpolation mode = Interpolation::kNearest,
                          std::vector<uint8_t> values = {0});

  image::Affine draw(SampleRng& rng) const;
  bool operator==(const RandomRotation&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(degrees.first, degrees.second, interpolation, fill);
  }
};

/// torchvision.transforms.v2.RandomAffine about the middle. Named like its parameters:
///
///   RandomAffine({.degrees = {-10, 10}, .translate = {0.1, 0.1}, .scale = {0.9, 1.1}})
struct RandomAffine {
  struct Ranges {
    std::pair<double, double> degrees = {0, 0};    ///< Clockwise.
    std::pair<double, double> translate = {0, 0};  ///< Most to left and right, up and down, in parts of the picture.
    std::pair<double, double> scale = {1, 1};
    std::pair<double, double> shear_x = {0, 0};  ///< Degrees.
    std::pair<double, double> shear_y = {0, 0};
    bool operator==(const Ranges&) const = default;
  };
  Ranges ranges;
  Interpolation interpolation = Interpolation::kNearest;
  std::vector<uint8_t> fill = {0};

  RandomAffine() = default;
  explicit RandomAffine(Ranges of, Interpolation mode = Interpolation::kNearest, std::vector<uint8_t> values = {0});

  /// Uniform within the ranges, in their order; whole pixels for the translation.
  image::Affine draw(image::Size input, SampleRng& rng) const;
  bool operator==(const RandomAffine&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    for (auto* range : {&ranges.degrees, &ranges.translate, &ranges.scale, &ranges.shear_x, &ranges.shear_y})
      archive(range->first, range->second);
    archive(interpolation, fill);
  }
};

}  // namespace millrace::transforms
