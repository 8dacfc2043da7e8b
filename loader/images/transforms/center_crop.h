#pragma once

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.CenterCrop: the middle of the picture; where the picture is smaller, black borders.
struct CenterCrop : ChangesSize {
  image::Size size;

  static constexpr std::string_view kName = "CenterCrop";
  static constexpr std::string_view kAbout = "the middle; black borders where the picture is smaller";
  static constexpr auto fields() { return list(field("size", &CenterCrop::size).required().shown()); }

  CenterCrop() = default;
  explicit CenterCrop(int square);
  explicit CenterCrop(image::Size exact);
  void check() const;

  image::Size output_size(image::Size) const { return size; }
  bool fixes_size() const { return true; }
  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const CenterCrop&) const = default;
};

}  // namespace millrace::transforms
