#include "millrace/training/models/mlp.h"

#include <ATen/ops/dropout.h>
#include <ATen/ops/relu.h>

#include <cstddef>
#include <string>

#include "millrace/training/models/checks.h"

namespace millrace::training {
namespace {

constexpr size_t kModulesOfALayer = 3;  // In torchvision ReLU and dropout have numbers too.

}  // namespace

MlpImpl::MlpImpl(const MlpOptions& options) : dropout_(options.dropout) {
  detail::require_positive("features", options.features);
  detail::require_positive("outputs", options.outputs);
  detail::require_share("dropout", options.dropout);
  std::vector<int64_t> widths = options.widths;
  widths.push_back(options.outputs);
  int64_t numbers = options.features;
  for (const int64_t width : widths) {
    detail::require_positive("widths", width);
    const std::string name = std::to_string(kModulesOfALayer * layers_.size());
    layers_.push_back(register_module(name, torch::nn::Linear(numbers, width)));
    numbers = width;
  }
}

at::Tensor MlpImpl::forward(const at::Tensor& vectors) {
  at::Tensor values = vectors.to(layers_.front()->weight.scalar_type());  // Files hold doubles and integers too.
  for (size_t i = 0; i + 1 < layers_.size(); ++i)
    values = at::dropout(at::relu(layers_[i]->forward(values)), dropout_, is_training());
  return layers_.back()->forward(values);
}

}  // namespace millrace::training
