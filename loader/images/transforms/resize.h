#pragma once

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.Resize with antialias=True, bilinear: to an exact size, or so that the shorter side
/// becomes `size` and the aspect ratio stays.
struct Resize : ChangesSize {
  image::Size size;
  bool shorter_side = false;  ///< Whether size.height is the length of the shorter side, and size.width does not count.

  static constexpr std::string_view kName = "Resize";
  static constexpr std::string_view kAbout =
      "to {height, width}, or its shorter side to a number; bilinear with antialias only; no `max_size`";
  static constexpr auto fields() {
    return list(field<forms::Shorter>("size", &Resize::size, &Resize::shorter_side).required().shown());
  }

  Resize() = default;
  explicit Resize(int shorter);
  explicit Resize(image::Size exact);
  void check() const;

  image::Size output_size(image::Size input) const;
  bool fixes_size() const { return !shorter_side; }
  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const Resize&) const = default;
};

}  // namespace millrace::transforms
