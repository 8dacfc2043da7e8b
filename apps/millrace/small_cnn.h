#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace millrace::apps {

struct SmallCnnOptions {
  int64_t channels = 3;         ///< The pictures' channels.
  int64_t classes = 0;          ///< Classes to tell apart.
  std::vector<int64_t> widths;  ///< Channels after each stage; each stage halves height and width.
};

/// A classifier for small pictures of any size of at least 2^stages pixels: stages of 3x3 convolution, batch norm, ReLU
/// and 2x2 max pooling; the last feature map averaged to 2x2; one linear layer. Takes normalised pictures {N, C, H, W},
/// gives logits {N, classes}.
class SmallCnnImpl : public torch::nn::Module {
 public:
  explicit SmallCnnImpl(const SmallCnnOptions& options) {
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

  torch::Tensor forward(const torch::Tensor& pictures) { return classifier_(features_->forward(pictures)); }

 private:
  static constexpr int64_t kPooledSide = 2;

  torch::nn::Sequential features_;
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(SmallCnn);

}  // namespace millrace::apps
