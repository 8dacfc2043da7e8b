#pragma once

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/resize_filter.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

using image::ResizeFilter;

/// torchvision.transforms.v2.Resize with antialias=True: to an exact size, or so that the shorter side becomes `size`
/// and the aspect ratio stays. Masks take the nearest pixel, whatever the interpolation.
struct Resize : ChangesSize {
  image::Size size;
  bool shorter_side = false;  ///< Whether size.height is the length of the shorter side, and size.width does not count.
  ResizeFilter interpolation = ResizeFilter::kBilinear;

  static constexpr std::string_view kName = "Resize";
  static constexpr std::string_view kAbout =
      "to {height, width}, or its shorter side to a number; always with antialias; no `max_size`";
  static constexpr auto fields() {
    return list(field<forms::Shorter>("size", &Resize::size, &Resize::shorter_side).required().shown(),
                field("interpolation", &Resize::interpolation));
  }

  Resize() = default;
  explicit Resize(int shorter, ResizeFilter filter = ResizeFilter::kBilinear);
  explicit Resize(image::Size exact, ResizeFilter filter = ResizeFilter::kBilinear);
  void check() const;

  image::Size output_size(image::Size input) const;
  bool fixes_size() const { return !shorter_side; }
  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const Resize&) const = default;
};

}  // namespace millrace::transforms
