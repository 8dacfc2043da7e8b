#pragma once

#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// The sections `optimizer` and `schedule`.
namespace millrace::configs::tables {

struct Sgd {
  double lr = 0.1;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;

  static constexpr std::string_view kName = "sgd";
  static constexpr std::string_view kMakes = "torch::optim::SGD";
  static constexpr std::string_view kAbout = "Gradient descent with momentum.";
  static constexpr auto keys() {
    return list(key("lr", &Sgd::lr, "The learning rate.").at_least(0),
                key("momentum", &Sgd::momentum, "What stays of the last step.").within(0, 1),
                key("nesterov", &Sgd::nesterov, "Whether the gradient is that ahead of the step."),
                key("weight_decay", &Sgd::weight_decay, "Of the weights, added to their gradients.").at_least(0));
  }
};

/// What Adam and AdamW have in common.
struct Moments {
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;

  static constexpr auto keys() {
    return list(key("betas", &Moments::betas, "What stays of the mean gradient and of the mean square."),
                key("eps", &Moments::eps, "Added to what the step is divided by.").at_least(0));
  }
};

struct Adam {
  double lr = 1e-3;
  double weight_decay = 0;
  Moments moments;

  static constexpr std::string_view kName = "adam";
  static constexpr std::string_view kMakes = "torch::optim::Adam";
  static constexpr std::string_view kAbout = "Steps scaled by the gradients' moments.";
  static constexpr auto keys() {
    return list(key("lr", &Adam::lr, "The learning rate.").at_least(0),
                key("weight_decay", &Adam::weight_decay, "Of the weights, added to their gradients.").at_least(0),
                keys_of(&Adam::moments));
  }
};

struct AdamW {
  double lr = 1e-3;
  double weight_decay = 0.01;
  Moments moments;

  static constexpr std::string_view kName = "adamw";
  static constexpr std::string_view kMakes = "torch::optim::AdamW";
  static constexpr std::string_view kAbout = "Adam whose weight decay is a step of its own.";
  static constexpr auto keys() {
    return list(key("lr", &AdamW::lr, "The learning rate.").at_least(0),
                key("weight_decay", &AdamW::weight_decay, "The share of the weights that each step takes, times lr.")
                    .at_least(0),
                keys_of(&AdamW::moments));
  }
};

/// The table of optimizers.
using NamedOptimizers = TypeList<Sgd, Adam, AdamW>;

/// What comes before every schedule. Schedules stand under the names of PyTorch's lr_scheduler.
struct WarmUp {
  double warmup_epochs = 0;

  static constexpr auto keys() {
    return list(key("warmup_epochs", &WarmUp::warmup_epochs, "Epochs in which the rate grows from 0, in even steps.")
                    .at_least(0));
  }
};

struct Constant {
  WarmUp warm_up;

  static constexpr std::string_view kName = "constant";
  static constexpr std::string_view kMakes = "ConstantLR";
  static constexpr std::string_view kAbout = "The optimizer's rate.";
  static constexpr auto keys() { return list(keys_of(&Constant::warm_up)); }
};

struct Cosine {
  double last = 0;
  WarmUp warm_up;

  static constexpr std::string_view kName = "cosine";
  static constexpr std::string_view kMakes = "CosineAnnealingLR";
  static constexpr std::string_view kAbout = "Half a cosine from the optimizer's rate down.";
  static constexpr auto keys() {
    return list(key("last", &Cosine::last, "What is left at the end, as a share.").within(0, 1),
                keys_of(&Cosine::warm_up));
  }
};

struct Step {
  std::vector<double> epochs = {};
  double factor = 0.1;
  WarmUp warm_up;

  static constexpr std::string_view kName = "step";
  static constexpr std::string_view kMakes = "MultiStepLR";
  static constexpr std::string_view kAbout = "The rate times a factor at each of some epochs.";
  static constexpr auto keys() {
    return list(key("epochs", &Step::epochs, "When, counted from 0: [30, 60].").required(),
                key("factor", &Step::factor, "What remains each time.").within(0, 1), keys_of(&Step::warm_up));
  }
};

struct OneCycle {
  double first = 0.04;
  double last = 4e-6;
  double rise = 0.3;

  static constexpr std::string_view kName = "one_cycle";
  static constexpr std::string_view kMakes = "OneCycleLR";
  static constexpr std::string_view kAbout = "Up to the optimizer's rate and down again, by cosines, as OneCycleLR.";
  static constexpr auto keys() {
    return list(key("first", &OneCycle::first, "The rate at the beginning, as a share.").within(0, 1),
                key("last", &OneCycle::last, "The rate at the end, as a share.").within(0, 1),
                key("rise", &OneCycle::rise, "The share of all steps in which it grows.").within(0, 1));
  }
};

/// The table of schedules.
using NamedSchedules = TypeList<Constant, Cosine, Step, OneCycle>;

}  // namespace millrace::configs::tables
