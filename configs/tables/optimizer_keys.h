#pragma once

#include <string_view>

#include "millrace/configs/tables/key.h"

/// The section `optimizer`.
namespace millrace::configs::tables {

struct Sgd {
  double lr = 0.1;
  double momentum = 0.9;
  double weight_decay = 0;

  static constexpr std::string_view kName = "sgd";
  static constexpr std::string_view kMakes = "torch::optim::SGD";
  static constexpr std::string_view kAbout = "Gradient descent with momentum.";
  static constexpr auto keys() {
    return list(key("lr", &Sgd::lr, "The learning rate.").at_least(0),
                key("momentum", &Sgd::momentum, "What stays of the last step.").within(0, 1),
                key("weight_decay", &Sgd::weight_decay, "Of the weights, added to their gradients.").at_least(0));
  }
};

struct Adam {
  double lr = 1e-3;
  double weight_decay = 0;

  static constexpr std::string_view kName = "adam";
  static constexpr std::string_view kMakes = "torch::optim::Adam";
  static constexpr std::string_view kAbout = "Steps scaled by the gradients' moments.";
  static constexpr auto keys() {
    return list(key("lr", &Adam::lr, "The learning rate.").at_least(0),
                key("weight_decay", &Adam::weight_decay, "Of the weights, added to their gradients.").at_least(0));
  }
};

/// The table of optimizers.
using NamedOptimizers = TypeList<Sgd, Adam>;

}  // namespace millrace::configs::tables
