#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"

namespace millrace::showing {

/// What is known of one channel of a picture that was decoded whole.
struct Measured {
  uint32_t height = 0;  ///< Of the picture.
  uint32_t width = 0;
  uint64_t sum = 0;      ///< Of the channel's values.
  uint64_t squares = 0;  ///< Of their squares.
};

/// A transform in place of those of a configuration, which makes pictures of any size ones of one size: all of the
/// picture, reduced until it fits into the upper left corner of a square, and below the square a row of pixels whose
/// bytes are what was measured before (Measured). So one loader tells what pictures look like, how large they are and
/// what their values are, and every byte of a file is decoded. Boxes and masks go along.
struct Overview : transforms::ChangesSize {
  int side = 256;  ///< Of the square, at least kLeast.

  static constexpr int kLeast = sizeof(Measured);
  static constexpr std::string_view kName = "Overview";
  static constexpr std::string_view kAbout = "the whole picture, reduced into a square, above what was measured of it";
  static constexpr auto fields() { return transforms::list(transforms::field("side", &Overview::side).required()); }

  void check() const;
  image::Size output_size(image::Size) const { return {side + 1, side}; }
  bool fixes_size() const { return true; }
  void apply(transforms::Pixels& picture, SampleRng& rng) const;
  bool operator==(const Overview&) const = default;
};

/// What a picture of an Overview's batch says of each of its channels. `field` is {samples, channels, side + 1, side}.
std::vector<Measured> measured_of(const at::Tensor& field, int64_t sample);

/// Sample number `sample` of an Overview's batch as a batch of its own whose pictures and mask have the sizes that they
/// were reduced to. Other columns are as they are.
Columns picture_of(const Columns& batch, int64_t sample);

/// Whether a column of an Overview's batch is pictures, each with its measurements.
bool is_overview(const Column& column);

}  // namespace millrace::showing
