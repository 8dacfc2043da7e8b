#include "millrace/training/models/resnet.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>
#include <torch/enum.h>
#include <torch/nn/init.h>

#include <memory>
#include <string>

#include "millrace/training/models/checks.h"

namespace millrace::training {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Sequential;

constexpr int64_t kFirstWidth = 64;

Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return Conv2d(Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

// What brings a block's input to the shape of its output; empty where it has that shape.
Sequential shortcut(int64_t in, int64_t out, int64_t stride) {
  if (in == out && stride == 1) return nullptr;
  return Sequential(convolution(in, out, 1, stride), BatchNorm2d(out));
}

class BasicBlock : public torch::nn::Module {
 public:
  static constexpr int64_t kExpansion = 1;

  BasicBlock(int64_t in, int64_t width, int64_t stride)
      : conv1_(register_module("conv1", convolution(in, width, 3, stride))),
        bn1_(register_module("bn1", BatchNorm2d(width))),
        conv2_(register_module("conv2", convolution(width, width, 3, 1))),
        bn2_(register_module("bn2", BatchNorm2d(width))),
        downsample_(shortcut(in, width, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }

  at::Tensor forward(const at::Tensor& input) {
    const auto features = bn2_(conv2_(bn1_(conv1_(input)).relu_()));
    return (features + (downsample_ ? downsample_->forward(input) : input)).relu_();
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Sequential downsample_;
};

// With the stride at the 3x3 convolution, as torchvision and ResNet 1.5 have it.
class Bottleneck : public torch::nn::Module {
 public:
  static constexpr int64_t kExpansion = 4;

  Bottleneck(int64_t in, int64_t width, int64_t stride)
      : conv1_(register_module("conv1", convolution(in, width, 1, 1))),
        bn1_(register_module("bn1", BatchNorm2d(width))),
        conv2_(register_module("conv2", convolution(width, width, 3, stride))),
        bn2_(register_module("bn2", BatchNorm2d(width))),
        conv3_(register_module("conv3", convolution(width, width * kExpansion, 1, 1))),
        bn3_(register_module("bn3", BatchNorm2d(width * kExpansion))),
        downsample_(shortcut(in, width * kExpansion, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }

  at::Tensor forward(const at::Tensor& input) {
    const auto narrow = bn2_(conv2_(bn1_(conv1_(input)).relu_())).relu_();
    return (bn3_(conv3_(narrow)) + (downsample_ ? downsample_->forward(input) : input)).relu_();
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
  BatchNorm2d bn3_;
  Sequential downsample_;
};

template <class Block>
Sequential stage(int64_t in, int64_t width, int64_t depth, int64_t stride) {
  Sequential blocks;
  for (int64_t i = 0; i < depth; ++i)
    blocks->push_back(std::make_shared<Block>(i == 0 ? in : width * Block::kExpansion, width, i == 0 ? stride : 1));
  return blocks;
}

Conv2d first_convolution(const ResNetOptions& options) {
  return options.stem == ResNetStem::kSmall ? convolution(options.channels, kFirstWidth, 3, 1)
                                            : convolution(options.channels, kFirstWidth, 7, 2);
}

// Those that have defaults of LibTorch's other than torchvision's.
void initialise_convolutions(torch::nn::Module& model) {
  for (const auto& module : model.modules(false))
    if (auto* const conv = module->as<torch::nn::Conv2dImpl>())
      torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
}

}  // namespace

ResNetImpl::ResNetImpl(const ResNetOptions& options, ResNetBlock block, const ResNetDepths& depths)
    : stem_(options.stem), conv1_(nullptr), bn1_(nullptr), layers_{nullptr, nullptr, nullptr, nullptr}, fc_(nullptr) {
  detail::require_positive("channels", options.channels);
  detail::require_positive("classes", options.classes);
  for (const int64_t depth : depths) detail::require_positive("depths", depth);
  conv1_ = register_module("conv1", first_convolution(options));
  bn1_ = register_module("bn1", BatchNorm2d(kFirstWidth));
  const bool is_basic = block == ResNetBlock::kBasic;
  int64_t in = kFirstWidth, width = kFirstWidth;
  for (size_t i = 0; i < layers_.size(); ++i, width *= 2) {
    const int64_t stride = i == 0 ? 1 : 2;
    layers_.at(i) =
        register_module("layer" + std::to_string(i + 1), is_basic ? stage<BasicBlock>(in, width, depths.at(i), stride)
                                                                  : stage<Bottleneck>(in, width, depths.at(i), stride));
    in = width * (is_basic ? BasicBlock::kExpansion : Bottleneck::kExpansion);
  }
  fc_ = register_module("fc", torch::nn::Linear(in, options.classes));
  initialise_convolutions(*this);
}

at::Tensor ResNetImpl::forward(const at::Tensor& pictures) {
  auto features = bn1_(conv1_(pictures)).relu_();
  if (stem_ == ResNetStem::kImageNet) features = at::max_pool2d(features, {3, 3}, {2, 2}, {1, 1});
  for (auto& layer : layers_) features = layer->forward(features);
  return fc_(at::adaptive_avg_pool2d(features, {1, 1}).flatten(1));
}

ResNet resnet18(const ResNetOptions& options) { return ResNet(options, ResNetBlock::kBasic, ResNetDepths{2, 2, 2, 2}); }

ResNet resnet50(const ResNetOptions& options) {
  return ResNet(options, ResNetBlock::kBottleneck, ResNetDepths{3, 4, 6, 3});
}

}  // namespace millrace::training
