#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

namespace millrace::training {

/// A mean over samples, of means over batches. Stays on the device until it is read, which waits for the device.
class Mean {
 public:
  void add(const at::Tensor& mean, int64_t samples) {
    const auto sum = mean.detach().to(at::kDouble) * samples;
    sum_ = sum_.defined() ? sum_ + sum : sum;
    samples_ += samples;
  }

  int64_t samples() const { return samples_; }

  /// 0 without any sample.
  double value() const { return samples_ > 0 ? sum() / static_cast<double>(samples_) : 0; }

  /// For checkpoints: what is known so far.
  double sum() const { return sum_.defined() ? sum_.item<double>() : 0; }

  /// Goes on from there, with a sum on `device`.
  static Mean of(double sum, int64_t samples, c10::Device device) {
    Mean mean;
    mean.sum_ = at::scalar_tensor(sum, at::TensorOptions(at::kDouble).device(device));
    mean.samples_ = samples;
    return mean;
  }

 private:
  at::Tensor sum_;
  int64_t samples_ = 0;
};

}  // namespace millrace::training
