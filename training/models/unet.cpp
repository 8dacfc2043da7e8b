#include "millrace/training/models/unet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/replication_pad2d.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>

#include <algorithm>

#include "millrace/training/models/checks.h"

namespace millrace::training {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::ReLU;
using torch::nn::Sequential;

Sequential two_convolutions(int64_t in, int64_t out) {
  const auto convolution = [](int64_t from, int64_t to) {
    return Conv2d(Conv2dOptions(from, to, 3).padding(1).bias(false));
  };
  return Sequential(convolution(in, out), BatchNorm2d(out), ReLU(), convolution(out, out), BatchNorm2d(out), ReLU());
}

// By how much `side` falls short of a multiple of `unit`.
int64_t missing(int64_t side, int64_t unit) { return (unit - side % unit) % unit; }

}  // namespace

UNetImpl::UNetImpl(const UNetOptions& options) : head_(nullptr) {
  detail::require_positive("channels", options.channels);
  detail::require_positive("classes", options.classes);
  detail::require_widths("widths", options.widths);
  int64_t channels = options.channels;
  for (const int64_t width : options.widths) {
    down_->push_back(two_convolutions(channels, width));
    channels = width;
  }
  for (size_t level = options.widths.size() - 1; level > 0; --level) {
    const int64_t width = options.widths[level - 1];
    up_->push_back(ConvTranspose2d(ConvTranspose2dOptions(channels, width, 2).stride(2)));
    join_->push_back(two_convolutions(2 * width, width));
    channels = width;
  }
  register_module("down", down_);
  register_module("up", up_);
  register_module("join", join_);
  head_ = register_module("head", Conv2d(Conv2dOptions(channels, options.classes, 1)));
}

at::Tensor UNetImpl::forward(const at::Tensor& pictures) {
  const int64_t height = pictures.size(2), width = pictures.size(3);
  detail::require_halvings("widths", down_->size() - 1, std::min(height, width));
  const int64_t unit = int64_t{1} << (down_->size() - 1);
  auto features = at::replication_pad2d(pictures, {0, missing(width, unit), 0, missing(height, unit)});
  std::vector<at::Tensor> levels;
  for (const auto& level : *down_) {
    if (!levels.empty()) features = at::max_pool2d(features, {2, 2});
    features = level->as<torch::nn::SequentialImpl>()->forward(features);
    levels.push_back(features);
  }
  for (size_t i = 0; i < up_->size(); ++i) {
    const auto& beside = levels[levels.size() - 2 - i];
    features = up_->at<torch::nn::ConvTranspose2dImpl>(i).forward(features);
    features = join_->at<torch::nn::SequentialImpl>(i).forward(at::cat({beside, features}, 1));
  }
  return head_(features).slice(2, 0, height).slice(3, 0, width);
}

}  // namespace millrace::training
