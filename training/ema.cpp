#include "millrace/training/ema.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>

#include "millrace/training/weights/state_dict.h"

namespace millrace::training {

Ema::Ema(double decay, const torch::nn::Module& model) : decay_(decay), model_(weights_of(model)) {
  std::set<std::string> parameters;
  for (const auto& parameter : model.named_parameters()) parameters.insert(parameter.key());
  for (const auto& [name, tensor] : model_) {
    averages_.push_back({name, tensor.clone()});
    is_parameter_.push_back(parameters.contains(name));
  }
}

void Ema::update(int64_t step) {
  const at::NoGradGuard no_grad;
  const double kept = std::min(decay_, 1 - 1 / (static_cast<double>(step) + 1));
  for (size_t i = 0; i < model_.size(); ++i) {
    auto& average = averages_[i].tensor;
    if (is_parameter_[i])
      average.mul_(kept).add_(model_[i].tensor, 1 - kept);
    else
      average.copy_(model_[i].tensor);
  }
}

void Ema::exchange() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < model_.size(); ++i) {
    const auto before = model_[i].tensor.detach().clone();
    model_[i].tensor.copy_(averages_[i].tensor);
    averages_[i].tensor.copy_(before);
  }
}

}  // namespace millrace::training
