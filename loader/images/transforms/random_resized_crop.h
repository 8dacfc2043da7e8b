#pragma once

#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/resize_filter.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

using image::ResizeFilter;

/// torchvision.transforms.v2.RandomResizedCrop with antialias=True: a crop of random area and aspect ratio, resized to
/// `size`.
struct RandomResizedCrop : ChangesSize {
  image::Size size;
  std::pair<double, double> scale = {0.08, 1.0};             ///< The crop's area, as parts of the picture's.
  std::pair<double, double> ratio = {3.0 / 4.0, 4.0 / 3.0};  ///< The crop's width divided by its height.
  ResizeFilter interpolation = ResizeFilter::kBilinear;

  static constexpr std::string_view kName = "RandomResizedCrop";
  static constexpr std::string_view kAbout = "a crop of random area and ratio, resized, always with antialias";
  static constexpr auto fields() {
    return list(field("size", &RandomResizedCrop::size).required().shown(), field("scale", &RandomResizedCrop::scale),
                field("ratio", &RandomResizedCrop::ratio), field("interpolation", &RandomResizedCrop::interpolation));
  }

  RandomResizedCrop() = default;
  explicit RandomResizedCrop(int square, std::pair<double, double> scale_range = {0.08, 1.0},
                             std::pair<double, double> ratio_range = {3.0 / 4.0, 4.0 / 3.0},
                             ResizeFilter filter = ResizeFilter::kBilinear);
  explicit RandomResizedCrop(image::Size exact, std::pair<double, double> scale_range = {0.08, 1.0},
                             std::pair<double, double> ratio_range = {3.0 / 4.0, 4.0 / 3.0},
                             ResizeFilter filter = ResizeFilter::kBilinear);
  void check() const;

  /// Draws the crop as torchvision's get_params: ten tries of uniform area, log-uniform ratio and uniform position,
  /// then the largest centred crop whose ratio is allowed.
  image::Box draw(image::Size input, SampleRng& rng) const;

  image::Size output_size(image::Size) const { return size; }
  bool fixes_size() const { return true; }
  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const RandomResizedCrop&) const = default;
};

}  // namespace millrace::transforms
