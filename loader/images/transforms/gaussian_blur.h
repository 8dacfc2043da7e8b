#pragma once

#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.GaussianBlur: a Gaussian of uniformly drawn sigma, in pixels, cut to a kernel of odd
/// height and width. A picture not larger than half the kernel is an error of that sample.
struct GaussianBlur : KeepsShape {
  image::Size kernel_size = {1, 1};
  std::pair<double, double> sigma = {0.1, 2.0};

  static constexpr std::string_view kName = "GaussianBlur";
  static constexpr std::string_view kAbout = "a Gaussian cut to a kernel of odd height and width";
  static constexpr auto fields() {
    return list(field<forms::Kernel>("kernel_size", &GaussianBlur::kernel_size).required().shown(),
                field("sigma", &GaussianBlur::sigma));
  }

  GaussianBlur() = default;
  explicit GaussianBlur(int square, std::pair<double, double> sigma_range = {0.1, 2.0});
  explicit GaussianBlur(image::Size exact, std::pair<double, double> sigma_range = {0.1, 2.0});
  void check() const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const GaussianBlur&) const = default;
};

}  // namespace millrace::transforms
