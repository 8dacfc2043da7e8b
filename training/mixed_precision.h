#pragma once

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/optim/optimizer.h>

#include <optional>
#include <vector>

#include "millrace/training/weights/named_tensor.h"

namespace millrace::training {

/// Lets torch's operations of this thread run in a narrower type, where that does no harm, for the life of the object:
/// what torch.autocast does. Nothing without a type.
class Autocast {
 public:
  Autocast(c10::DeviceType device, std::optional<c10::ScalarType> dtype) : device_(device), on_(dtype.has_value()) {
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
  c10::DeviceType device_;
  bool on_;
};

/// The gradients of an optimizer's parameters, where they have some.
std::vector<at::Tensor> gradients_of(const torch::optim::Optimizer& optimizer);

/// Keeps small float16 gradients from becoming 0, as torch.amp.GradScaler does: the loss is multiplied by a scale,
/// gradients are divided by it before the optimizer's step. A step whose gradients are not finite is left out and
/// halves the scale; 2,000 good ones in a row double it.
class LossScale {
 public:
  explicit LossScale(c10::Device device);

  /// In place of loss.backward().
  void backward(const at::Tensor& loss) const { (loss * scale_).backward(); }

  /// Divides the gradients by the scale, and adapts that. False: the step has to be left out.
  bool unscale(const torch::optim::Optimizer& optimizer);

  float value() const { return scale_.item<float>(); }

  /// For checkpoints; to be written to, too.
  NamedTensors tensors() const { return {{"scale", scale_}, {"good_steps", good_steps_}}; }

 private:
  at::Tensor scale_, good_steps_;
};

}  // namespace millrace::training
