#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomErasing with a number or numbers as value: with probability p, a box of random area
/// and aspect ratio is painted over. It works on pixels, so it stands before Normalize, and `value` is 0..255, one for
/// all channels or one for each. ImageNet's mean, which Normalize makes 0, is {124, 116, 104}.
struct RandomErasing : KeepsShape {
  double p = 0.5;
  std::pair<double, double> scale = {0.02, 0.33};  ///< The box's area, as parts of the picture's.
  std::pair<double, double> ratio = {0.3, 3.3};    ///< The box's height divided by its width.
  std::vector<uint8_t> value = {0};

  static constexpr std::string_view kName = "RandomErasing";
  static constexpr std::string_view kAbout = "paints over a box; on pixels, before Normalize; no random value";
  static constexpr auto fields() {
    return list(probability(&RandomErasing::p), field("scale", &RandomErasing::scale),
                field("ratio", &RandomErasing::ratio), channel_values("value", &RandomErasing::value, "values"));
  }

  RandomErasing() = default;
  explicit RandomErasing(double probability, std::pair<double, double> scale_range = {0.02, 0.33},
                         std::pair<double, double> ratio_range = {0.3, 3.3}, std::vector<uint8_t> values = {0});
  void check() const;

  /// Draws whether and where as torchvision's make_params: ten tries of uniform area and log-uniform ratio for a box
  /// smaller than the picture both ways, then nothing is erased.
  std::optional<image::Box> draw(image::Size input, SampleRng& rng) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandomErasing&) const = default;
};

}  // namespace millrace::transforms
