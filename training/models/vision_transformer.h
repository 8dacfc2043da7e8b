#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>

namespace millrace::training {

/// Options in torchvision's words. The numbers that stand here are those of ViT-tiny: 5,717,416 parameters with 3
/// channels, 224x224 pixels and 1,000 classes.
struct VisionTransformerOptions {
  int64_t channels = 3;     ///< The pictures' channels.
  int64_t height = 224;     ///< The pictures' height in pixels, a multiple of patch_size.
  int64_t width = 224;      ///< Their width, likewise.
  int64_t classes = 0;      ///< Classes to tell apart.
  int64_t patch_size = 16;  ///< Side of the squares that the picture is cut into, in pixels.
  int64_t num_layers = 12;
  int64_t num_heads = 3;
  int64_t hidden_dim = 192;  ///< A multiple of num_heads.
  int64_t mlp_dim = 768;
  double dropout = 0;  ///< The share, from 0 to 1, of values that training sets to zero behind each part.
};

/// torchvision's VisionTransformer: its names of parameters, its initialisation, its numbers; pictures need not be
/// squares. Takes normalised pictures {N, C, height, width}, gives logits {N, classes}.
class VisionTransformerImpl : public torch::nn::Module {
 public:
  /// Makes the layers. Throws std::invalid_argument for options without a meaning.
  explicit VisionTransformerImpl(const VisionTransformerOptions& options);

  /// Makes the logits. Throws std::invalid_argument for pictures of another size.
  at::Tensor forward(const at::Tensor& pictures);

 private:
  class Encoder;

  int64_t height_;
  int64_t width_;
  at::Tensor class_token_;
  torch::nn::Conv2d conv_proj_;
  std::shared_ptr<Encoder> encoder_;
  torch::nn::Sequential heads_;
};
TORCH_MODULE(VisionTransformer);

}  // namespace millrace::training
