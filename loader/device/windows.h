#pragma once

#include <ATen/core/Tensor.h>

#include "millrace/loader/detail/picture_size.h"

namespace millrace {

/// The part that is taken of every picture.
struct Windows {
  image::Size size;  ///< The size of the part, at most that of the pictures.

  /// int32 {pictures, 3} on the pictures' device: top, left, and 1 for a picture that is mirrored left to right.
  /// A corner that lies too far out is moved, so that the window lies within the picture.
  at::Tensor corners;
};

}  // namespace millrace
