#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "millrace/loader/device/windows.h"
#include "millrace/loader/normalize.h"

namespace millrace {

/// Turns pixels into a model's input, in one pass: (x / 255 - mean) / std in normalize.dtype (float32, float16 or
/// bfloat16). In float32 it is bit for bit what Normalize gives in a chain of transforms; the other types are that
/// rounded to nearest.
///
/// `pictures` is uint8 {N, C, H, W} with C at most 32, in whatever order its strides say: pictures {N, H, W, C} are
/// given as pictures.permute({0, 3, 1, 2}). The result is {N, C, h, w}, contiguous, on the same device.
///
/// On a CUDA device one kernel does it, on the current stream. NVRTC compiles the kernel when it is first used on a
/// device (some 100 ms, kept for the life of the process). Where NVRTC cannot be had, torch's operations do the same in
/// several passes, after one warning. Throws std::invalid_argument for another type or shape, and CudaError.
/// Thread-safe.
at::Tensor finish(const at::Tensor& pictures, const transforms::Normalize& normalize,
                  const std::optional<Windows>& windows = std::nullopt);

}  // namespace millrace
