#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace millrace::training {

/// A parameter or buffer of a model under the name that Python's state_dict() gives it: "layer1.0.conv1.weight".
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// A model's weights, in some order. No name stands twice.
using NamedTensors = std::vector<NamedTensor>;

}  // namespace millrace::training
