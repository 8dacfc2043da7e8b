#pragma once

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/pad.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomCrop: a part of exactly `size` from a random position, after `padding`. A picture
/// that is then still smaller is an error of that sample; with pad_if_needed it gets what it lacks, at both sides.
struct RandomCrop : ChangesSize {
  image::Size size;
  Pad padding;
  bool pad_if_needed = false;

  static constexpr std::string_view kName = "RandomCrop";
  static constexpr std::string_view kAbout = "a part from a random position, behind the borders of a `Pad`";
  static constexpr auto fields() {
    return list(field("size", &RandomCrop::size).required().shown(), field<forms::Nested>("", &RandomCrop::padding),
                field("pad_if_needed", &RandomCrop::pad_if_needed));
  }

  RandomCrop() = default;
  explicit RandomCrop(int square, Pad before = Pad(0), bool pad_small_pictures = false);
  explicit RandomCrop(image::Size exact, Pad before = Pad(0), bool pad_small_pictures = false);
  void check() const;

  /// The borders that a picture of size `input` gets. Throws std::runtime_error when it is too small.
  image::Borders borders(image::Size input) const;
  /// Draws the crop out of a picture of size `padded`, which is at least `size`: a uniform row, then a uniform column,
  /// each only where there is a choice.
  image::Box draw(image::Size padded, SampleRng& rng) const;

  image::Size output_size(image::Size) const { return size; }
  bool fixes_size() const { return true; }
  bool moves_numbers() const { return padding.moves_numbers(); }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const RandomCrop&) const = default;
};

}  // namespace millrace::transforms
