#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

namespace millrace::training {

struct MlpOptions {
  int64_t features = 0;                 ///< Numbers of a vector.
  int64_t outputs = 0;                  ///< Classes to tell apart, or numbers to learn.
  std::vector<int64_t> widths = {128};  ///< Numbers behind each hidden layer; none make a linear model.
  double dropout = 0;                   ///< The share of values that training sets to zero behind each hidden layer.
};

/// A network for vectors: hidden layers, each linear, ReLU and dropout, and one linear layer. Names of parameters are
/// those of torchvision.ops.MLP. Takes vectors {N, features} of any type of numbers, gives {N, outputs}.
class MlpImpl : public torch::nn::Module {
 public:
  /// Makes the layers. Throws std::invalid_argument for options without a meaning.
  explicit MlpImpl(const MlpOptions& options);

  at::Tensor forward(const at::Tensor& vectors);

 private:
  double dropout_;
  std::vector<torch::nn::Linear> layers_;
};
TORCH_MODULE(Mlp);

}  // namespace millrace::training
