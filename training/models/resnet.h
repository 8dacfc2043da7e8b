#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <array>
#include <cstdint>

namespace millrace::training {

/// The first layers of a ResNet.
enum class ResNetStem : uint8_t {
  kImageNet,  ///< A 7x7 convolution and a max pooling, which leave a quarter of height and width: for 224x224.
  kSmall,     ///< A 3x3 convolution that leaves height and width as they are: for pictures such as CIFAR's 32x32.
};

/// The blocks that a ResNet's stages are made of.
enum class ResNetBlock : uint8_t {
  kBasic,       ///< Two 3x3 convolutions.
  kBottleneck,  ///< 1x1, 3x3 and 1x1; the last widens fourfold.
};

struct ResNetOptions {
  int64_t channels = 3;  ///< The pictures' channels.
  int64_t classes = 0;   ///< Classes to tell apart.
  ResNetStem stem = ResNetStem::kImageNet;
};

/// Blocks of each of the four stages, of which all but the first halve height and width.
using ResNetDepths = std::array<int64_t, 4>;

/// torchvision's ResNet: its names of parameters and buffers, its initialisation, its numbers. Takes normalised
/// pictures {N, C, H, W} of any size, gives logits {N, classes}. resnet18() and resnet50() are those that have a name.
class ResNetImpl : public torch::nn::Module {
 public:
  /// Makes the layers. Throws std::invalid_argument for options without a meaning.
  ResNetImpl(const ResNetOptions& options, ResNetBlock block, const ResNetDepths& depths);

  at::Tensor forward(const at::Tensor& pictures);

 private:
  ResNetStem stem_;
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::array<torch::nn::Sequential, 4> layers_;
  torch::nn::Linear fc_;
};
TORCH_MODULE(ResNet);

/// The ResNet of 18 layers: 11,689,512 parameters with 3 channels and 1,000 classes.
ResNet resnet18(const ResNetOptions& options);

/// The ResNet of 50 layers: 25,557,032 parameters with 3 channels and 1,000 classes.
ResNet resnet50(const ResNetOptions& options);

}  // namespace millrace::training
