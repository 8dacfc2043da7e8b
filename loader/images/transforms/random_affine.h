#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

using image::Interpolation;

/// torchvision.transforms.v2.RandomAffine about the picture's middle. Its parameters have torchvision's names:
///
///   RandomAffine({.degrees = {-10, 10}, .translate = {0.1, 0.1}, .scale = {0.9, 1.1}})
struct RandomAffine : KeepsShape {
  struct Ranges {
    std::pair<double, double> degrees = {0, 0};    ///< Clockwise.
    std::pair<double, double> translate = {0, 0};  ///< The most sideways, and up or down, as parts of the picture.
    std::pair<double, double> scale = {1, 1};
    std::pair<double, double> shear_x = {0, 0};  ///< Degrees.
    std::pair<double, double> shear_y = {0, 0};

    static constexpr auto fields() {
      return list(field<forms::Symmetric>("degrees", &Ranges::degrees).required(),
                  field("translate", &Ranges::translate), field("scale", &Ranges::scale),
                  field<forms::Shear>("shear", &Ranges::shear_x, &Ranges::shear_y));
    }
    bool operator==(const Ranges&) const = default;
  };
  Ranges ranges;
  Interpolation interpolation = Interpolation::kNearest;
  std::vector<uint8_t> fill = {0};

  static constexpr std::string_view kName = "RandomAffine";
  static constexpr std::string_view kAbout = "about the middle; shears as `.shear_x` and `.shear_y` in C++";
  static constexpr auto fields() {
    return list(field<forms::Nested>("", &RandomAffine::ranges).required(),
                field("interpolation", &RandomAffine::interpolation),
                channel_values("fill", &RandomAffine::fill, "fill values"));
  }

  RandomAffine() = default;
  explicit RandomAffine(Ranges of, Interpolation mode = Interpolation::kNearest, std::vector<uint8_t> values = {0});
  void check() const;

  /// Draws each parameter uniformly within its range, in the order of the ranges; translations are whole pixels.
  image::Affine draw(image::Size input, SampleRng& rng) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomAffine&) const = default;
};

}  // namespace millrace::transforms
