#include "millrace/training/optimizer.h"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <stdexcept>
#include <tuple>

#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/optimizer_keys.h"

namespace millrace::training {
namespace {

namespace tables = configs::tables;
using Parameters = std::vector<at::Tensor>;

RatedOptimizer make_optimizer(const tables::Sgd& keys, const Parameters& parameters) {
  if (keys.nesterov && keys.momentum == 0) throw std::invalid_argument("nesterov needs a momentum; set momentum: 0.9");
  const auto options =
      torch::optim::SGDOptions(keys.lr).momentum(keys.momentum).nesterov(keys.nesterov).weight_decay(keys.weight_decay);
  return {std::make_unique<torch::optim::SGD>(parameters, options), keys.lr};
}

std::tuple<double, double> betas_of(const tables::Moments& keys) {
  const auto& betas = keys.betas;
  if (betas.size() != 2 || betas[0] < 0 || betas[0] >= 1 || betas[1] < 0 || betas[1] >= 1)
    throw std::invalid_argument("betas: expected two numbers from 0 to less than 1, such as [0.9, 0.999]");
  return {betas[0], betas[1]};
}

RatedOptimizer make_optimizer(const tables::Adam& keys, const Parameters& parameters) {
  const auto options = torch::optim::AdamOptions(keys.lr)
                           .weight_decay(keys.weight_decay)
                           .betas(betas_of(keys.moments))
                           .eps(keys.moments.eps);
  return {std::make_unique<torch::optim::Adam>(parameters, options), keys.lr};
}

RatedOptimizer make_optimizer(const tables::AdamW& keys, const Parameters& parameters) {
  const auto options = torch::optim::AdamWOptions(keys.lr)
                           .weight_decay(keys.weight_decay)
                           .betas(betas_of(keys.moments))
                           .eps(keys.moments.eps);
  return {std::make_unique<torch::optim::AdamW>(parameters, options), keys.lr};
}

}  // namespace

RatedOptimizer read_optimizer(const configs::Node& optimizer, const std::vector<at::Tensor>& parameters) {
  return configs::build_at(optimizer, [&] {
    return configs::read_type(optimizer, tables::NamedOptimizers(),
                              [&](const auto& keys) { return make_optimizer(keys, parameters); });
  });
}

}  // namespace millrace::training
