#include "millrace/training/mixed_precision.h"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

namespace millrace::training {

std::vector<at::Tensor> gradients_of(const torch::optim::Optimizer& optimizer) {
  std::vector<at::Tensor> gradients;
  for (const auto& group : optimizer.param_groups())
    for (const auto& parameter : group.params())
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  return gradients;
}

LossScale::LossScale(c10::Device device)
    : scale_(at::full({}, 65536.0F, at::TensorOptions(at::kFloat).device(device))),
      good_steps_(at::zeros({}, at::TensorOptions(at::kInt).device(device))) {}

bool LossScale::unscale(const torch::optim::Optimizer& optimizer) {
  const auto gradients = gradients_of(optimizer);
  auto not_finite = at::zeros({}, scale_.options());
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, not_finite, scale_.reciprocal());
  const bool is_good = not_finite.item<float>() == 0;
  at::_amp_update_scale_(scale_, good_steps_, not_finite, /*scale_growth_factor=*/2, /*scale_backoff_factor=*/0.5,
                         /*growth_interval=*/2000);
  return is_good;
}

}  // namespace millrace::training
