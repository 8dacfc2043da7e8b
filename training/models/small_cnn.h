#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

namespace millrace::training {

struct SmallCnnOptions {
  int64_t channels = 3;                         ///< The pictures' channels.
  int64_t classes = 0;                          ///< Classes to tell apart.
  std::vector<int64_t> widths = {32, 64, 128};  ///< Channels after each stage; each stage halves height and width.
};

/// A classifier for small pictures of any size of at least 2^stages pixels: stages of 3x3 convolution, batch norm, ReLU
/// and 2x2 max pooling; the last feature map averaged to 2x2; one linear layer. Takes normalised pictures {N, C, H, W},
/// gives logits {N, classes}.
class SmallCnnImpl : public torch::nn::Module {
 public:
  /// Makes the layers. Throws std::invalid_argument for options without a meaning.
  explicit SmallCnnImpl(const SmallCnnOptions& options);

  at::Tensor forward(const at::Tensor& pictures);

 private:
  torch::nn::Sequential features_;
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(SmallCnn);

}  // namespace millrace::training
