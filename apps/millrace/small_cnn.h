#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace millrace::apps {

struct SmallCnnOptions {
  int64_t channels = 3;         ///< Of the pictures.
  int64_t classes = 0;          ///< How many there are to tell apart.
  std::vector<int64_t> widths;  ///< Channels after each stage; each stage halves height and width.
  std::vector<double> mean,
      std;  ///< Of the pictures' values in [0, 1]: one of each for all channels, or one a channel.
};

/// A classifier for small pictures of any size of at least 2^stages pixels: stages of 3x3 convolution, batch norm, ReLU
/// and 2x2 max pooling; the last feature map averaged to 2x2; one linear layer. Takes uint8 pictures {N, C, H, W} as
/// the loader gives them and normalises them itself, so that workers move a quarter of the bytes; gives logits {N,
/// classes}.
class SmallCnnImpl : public torch::nn::Module {
 public:
  explicit SmallCnnImpl(const SmallCnnOptions& options) {
    const auto per_channel = [&](const std::vector<double>& values) {
      return torch::tensor(values, torch::kFloat)
          .mul(255)
          .view({1, -1, 1, 1})
          .expand({1, options.channels, 1, 1})
          .clone();
    };
    mean_ = register_buffer("mean", per_channel(options.mean));
    std_ = register_buffer("std", per_channel(options.std));
    int64_t channels = options.channels;
    for (const int64_t width : options.widths) {
      features_->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, width, 3).padding(1).bias(false)));
      features_->push_back(torch::nn::BatchNorm2d(width));
      features_->push_back(torch::nn::ReLU());
      features_->push_back(torch::nn::MaxPool2d(2));
      channels = width;
    }
    features_->push_back(torch::nn::AdaptiveAvgPool2d(kPooledSide));
    features_->push_back(torch::nn::Flatten());
    register_module("features", features_);
    classifier_ =
        register_module("classifier", torch::nn::Linear(channels * kPooledSide * kPooledSide, options.classes));
  }

  torch::Tensor forward(const torch::Tensor& pictures) {
    return classifier_(features_->forward((pictures.to(torch::kFloat) - mean_) / std_));
  }

 private:
  static constexpr int64_t kPooledSide = 2;

  torch::Tensor mean_, std_;  // Of values 0..255.
  torch::nn::Sequential features_;
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(SmallCnn);

}  // namespace millrace::apps
