#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"

namespace millrace::image {

/// The value of a point between pixels: the nearest pixel's, or a weighted mean of the four around it.
enum class Interpolation : uint8_t { kNearest, kBilinear };

/// The parameters of torchvision.transforms.v2.functional.affine: the picture is sheared, scaled and turned about
/// `center`, then moved. Angles are in degrees, clockwise; `functional.rotate`, which counts them the other way round,
/// is Affine{.angle = -angle}.
struct Affine {
  double angle = 0;
  std::array<double, 2> translate = {0, 0};          ///< Pixels to the right, and down.
  double scale = 1;                                  ///< Positive.
  std::array<double, 2> shear = {0, 0};              ///< Along x, and along y.
  std::optional<std::array<double, 2>> center = {};  ///< x and y; the picture's middle unless given.
};

/// {a, b, c, d, e, f}: the point (x, y) goes to (a x + b y + c, d x + e y + f), in pixels from the upper left corner of
/// a picture of `size`.
std::array<double, 6> affine_matrix(const Affine& affine, Size size);

/// Writes the transformed picture, of the same size, to `out`. `fill` is shown where the picture does not reach, one
/// value for all channels or one for each; bilinear edges fade into it. An empty `fill` is black.
///
/// The results are torchvision's on uint8 tensors: the same pixels with kNearest, the same values but for a rounding
/// with kBilinear. To that end coordinates are computed in float32, in the order of torchvision's affine grid and
/// grid_sample.
void transform_affine(Planes picture, const Affine& affine, Interpolation interpolation, std::span<const uint8_t> fill,
                      uint8_t* out);

}  // namespace millrace::image
