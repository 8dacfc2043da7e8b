#pragma once

#include <ATen/core/Tensor.h>

#include "millrace/plots/picture.h"

namespace millrace::training {

/// A picture to draw of planes uint8 {channels, height, width}, on any device: one channel is gray, three are colours,
/// of another number the first is taken.
plots::Picture to_picture(const at::Tensor& planes);

}  // namespace millrace::training
