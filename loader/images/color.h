#pragma once

#include "millrace/loader/images/planes.h"

/// Colours of 8-bit planes, in place: torchvision.transforms.v2.functional's operations of the same names on uint8
/// tensors, within one grey level (float32 arithmetic, but not always in its order). Pictures have one or three
/// channels; saturation and hue leave those with one as they are. Factors must be finite.
namespace millrace::image {

/// Multiplies the values by `factor`, which is not negative.
void adjust_brightness(Planes picture, double factor);

/// Blends the picture with the mean of its gray values: factor 0 gives the mean alone, 1 the picture as it is, more
/// exceeds it. `factor` is not negative.
void adjust_contrast(Planes picture, double factor);

/// Blends the picture with its gray: factor 0 gives the gray alone, 1 the picture as it is, more exceeds it. `factor`
/// is not negative.
void adjust_saturation(Planes picture, double factor);

/// Turns the hue by `turn` of a whole turn, -0.5..0.5.
void adjust_hue(Planes picture, double turn);

/// rgb_to_grayscale: the gray of three planes, rounded down, written to the first of them.
void gray_into_first(Planes picture);

}  // namespace millrace::image
