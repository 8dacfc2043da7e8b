#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

#include "millrace/training/weights/named_tensor.h"

namespace millrace::training {

/// An exponential moving average of a model's parameters, as torch.optim.swa_utils.AveragedModel with
/// get_ema_multi_avg_fn makes it. Buffers are the model's. The first steps average less, the decay being at most
/// 1 - 1 / (step + 1), so that the weights which training began with are forgotten soon.
class Ema {
 public:
  /// Of that model, which must live as long.
  Ema(double decay, const torch::nn::Module& model);

  /// To be called after each step of the optimizer; `step` from 0.
  void update(int64_t step);

  /// The averages, for checkpoints; to be written to, too.
  const NamedTensors& tensors() const { return averages_; }

  /// While it lives, the model has the averages.
  class InPlace {
   public:
    explicit InPlace(Ema* ema) : ema_(ema) {
      if (ema_) ema_->exchange();
    }
    ~InPlace() {
      if (ema_) ema_->exchange();
    }
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    Ema* ema_;
  };

 private:
  void exchange();

  double decay_;
  NamedTensors model_;              // The model's own memory.
  std::vector<bool> is_parameter_;  // Of those; the others are buffers.
  NamedTensors averages_;
};

}  // namespace millrace::training
