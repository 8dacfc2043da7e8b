#pragma once

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <optional>
#include <vector>

namespace millrace::apps {

/// Lets torch's operations of this thread run in a narrower type, where that does no harm, for the life of the object:
/// what torch.autocast does. Nothing without a type.
class Autocast {
 public:
  Autocast(torch::DeviceType device, std::optional<torch::Dtype> dtype) : device_(device), on_(dtype.has_value()) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, *dtype);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    if (!on_) return;
    at::autocast::clear_cache();  // Of the parameters' narrow copies, which the next step changes.
    at::autocast::set_autocast_enabled(device_, false);
  }

 private:
  torch::DeviceType device_;
  bool on_;
};

/// Keeps small float16 gradients from becoming 0, as torch.amp.GradScaler does: the loss is multiplied by a scale,
/// gradients are divided by it before the optimizer's step. A step whose gradients are not finite is left out and
/// halves the scale; 2,000 good ones in a row double it.
class LossScale {
 public:
  explicit LossScale(torch::Device device)
      : scale_(torch::full({}, 65536.0F, device)),
        good_steps_(torch::zeros({}, torch::TensorOptions(torch::kInt).device(device))) {}

  /// In place of loss.backward() and optimizer.step().
  void step(const torch::Tensor& loss, torch::optim::Optimizer& optimizer) {
    (loss * scale_).backward();
    std::vector<torch::Tensor> gradients;
    for (const auto& group : optimizer.param_groups())
      for (const auto& parameter : group.params())
        if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    auto not_finite = torch::zeros({}, scale_.options());
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, not_finite, scale_.reciprocal());
    if (not_finite.item<float>() == 0) optimizer.step();
    at::_amp_update_scale_(scale_, good_steps_, not_finite, /*scale_growth_factor=*/2, /*scale_backoff_factor=*/0.5,
                           /*growth_interval=*/2000);
  }

  float value() const { return scale_.item<float>(); }

 private:
  torch::Tensor scale_, good_steps_;
};

}  // namespace millrace::apps
