#include "millrace/training/models/small_cnn.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include "millrace/training/models/checks.h"

namespace millrace::training {
namespace {

constexpr int64_t kPooledSide = 2;

}  // namespace

SmallCnnImpl::SmallCnnImpl(const SmallCnnOptions& options) {
  detail::require_positive("channels", options.channels);
  detail::require_positive("classes", options.classes);
  detail::require_widths("widths", options.widths);
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
  classifier_ = register_module("classifier", torch::nn::Linear(channels * kPooledSide * kPooledSide, options.classes));
}

at::Tensor SmallCnnImpl::forward(const at::Tensor& pictures) { return classifier_(features_->forward(pictures)); }

}  // namespace millrace::training
