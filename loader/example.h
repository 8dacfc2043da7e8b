#pragma once

#include <ATen/core/Tensor.h>

namespace millrace {

/// A sample with a label, torch::data's Example<> in our own header, which does not cost torch/torch.h.
struct Example {
  at::Tensor data;
  at::Tensor target;
};

}  // namespace millrace
