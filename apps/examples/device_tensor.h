#pragma once

#include <ATen/core/Tensor.h>

// The part of torch's CUDA that the examples need. Tests put a fake in its place.
namespace example {

/// False on a machine without CUDA, or with a LibTorch that has none.
bool has_cuda();

/// A tensor on the first CUDA device, all sevens.
at::Tensor sevens();

/// The tensor's first element.
float first(const at::Tensor& tensor);

}  // namespace example
