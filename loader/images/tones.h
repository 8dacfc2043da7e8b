#pragma once

#include <cstdint>
#include <vector>

#include "millrace/loader/images/planes.h"

/// Grey levels of 8-bit planes, in place, each plane by itself: torchvision.transforms.v2.functional's operations of
/// the same names on uint8 tensors, with the same results (adjust_sharpness within one grey level).
namespace millrace::image {

void invert(Planes picture);

/// Keeps the upper `bits` of each value, 0..8.
void posterize(Planes picture, int bits);

/// Inverts the values from `threshold` on.
void solarize(Planes picture, double threshold);

/// Stretches the values of a plane over 0..255; a plane of one value stays as it is.
void autocontrast(Planes picture);

/// Spreads the values of a plane so that each range has as many pixels as any other, as PIL does.
void equalize(Planes picture);

/// Blends the picture with itself smoothed by {1 1 1, 1 5 1, 1 1 1} / 13: factor 0 gives the smoothed one alone, 1 the
/// picture as it is, more is sharper. `factor` is not negative. The outermost pixels stay as they are. `scratch` keeps
/// its memory between calls.
void adjust_sharpness(Planes picture, double factor, std::vector<uint8_t>& scratch);

}  // namespace millrace::image
