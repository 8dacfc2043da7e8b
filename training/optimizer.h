#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <vector>

#include "millrace/configs/node.h"

namespace millrace::training {

/// An optimizer and the learning rate that a schedule has shares of.
struct RatedOptimizer {
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  double lr = 0;

  /// The rate of the steps that follow.
  void set_share(double share) {
    for (auto& group : optimizer->param_groups()) group.options().set_lr(lr * share);
  }
};

/// Of a section `optimizer`: those of tables::NamedOptimizers. Throws ConfigError.
RatedOptimizer read_optimizer(const configs::Node& optimizer, const std::vector<at::Tensor>& parameters);

}  // namespace millrace::training
