#pragma once

#include <cstdint>
#include <vector>

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

using image::PadMode;

/// torchvision.transforms.v2.Pad: borders at the sides. `fill` is one value for all channels or one for each. Mirrored
/// borders wider than the picture are an error of that sample.
struct Pad : ChangesSize {
  image::Borders borders;
  std::vector<uint8_t> fill = {0};
  PadMode mode = PadMode::kConstant;

  static constexpr std::string_view kName = "Pad";
  static constexpr std::string_view kAbout = "borders: one number, {left and right, top and bottom}, or all four";
  static constexpr auto fields() {
    return list(field("padding", &Pad::borders).required().shown(), channel_values("fill", &Pad::fill, "fill values"),
                field("padding_mode", &Pad::mode));
  }

  Pad() = default;
  explicit Pad(int all, std::vector<uint8_t> values = {0}, PadMode padding_mode = PadMode::kConstant);
  explicit Pad(image::Borders sides, std::vector<uint8_t> values = {0}, PadMode padding_mode = PadMode::kConstant);
  void check() const;

  image::Size output_size(image::Size input) const { return image::padded(input, borders); }
  bool fixes_size() const { return false; }
  bool moves_numbers() const { return mode == PadMode::kConstant; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const Pad&) const = default;
};

}  // namespace millrace::transforms
