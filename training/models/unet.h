#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

namespace millrace::training {

struct UNetOptions {
  int64_t channels = 3;                             ///< The pictures' channels.
  int64_t classes = 0;                              ///< Classes of pixels.
  std::vector<int64_t> widths = {16, 32, 64, 128};  ///< Channels of each level; each below the first halves the sides.
};

/// A U-Net: levels of two 3x3 convolutions with batch norm and ReLU; down by 2x2 max pooling, up by 2x2 transposed
/// convolution beside the features of the way down. Takes normalised pictures {N, C, H, W} of any size of at least
/// 2^(levels - 1) pixels, gives logits {N, classes, H, W}: sides that halving does not divide are continued by their
/// last pixels, and the result is cut.
class UNetImpl : public torch::nn::Module {
 public:
  /// Makes the layers. Throws std::invalid_argument for options without a meaning.
  explicit UNetImpl(const UNetOptions& options);

  /// Makes the logits. Throws std::invalid_argument for smaller pictures.
  at::Tensor forward(const at::Tensor& pictures);

 private:
  torch::nn::ModuleList down_;  // Of each level, the first first.
  torch::nn::ModuleList up_;    // Transposed convolutions, the lowest first,
  torch::nn::ModuleList join_;  // and what follows each.
  torch::nn::Conv2d head_;
};
TORCH_MODULE(UNet);

}  // namespace millrace::training
