#include "millrace/training/optimizer.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <string>

#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"

namespace millrace::training::optimizer_test {
namespace {

using testing::HasSubstr;

RatedOptimizer read(const std::string& yaml) {
  return read_optimizer(configs::Node(configs::parse(yaml, "test.yaml")), {at::ones({2}).requires_grad_()});
}

std::string error_of(const std::string& yaml) {
  try {
    read(yaml);
    return "";
  } catch (const configs::ConfigError& error) {
    return error.what();
  }
}

TEST(Optimizer, HasWhatItsSectionSays) {
  auto sgd = read("{type: sgd, lr: 0.5, momentum: 0.8, nesterov: true, weight_decay: 0.1}");
  const auto& options = dynamic_cast<torch::optim::SGDOptions&>(sgd.optimizer->param_groups().at(0).options());
  EXPECT_EQ(options.momentum(), 0.8);
  EXPECT_TRUE(options.nesterov());
  EXPECT_EQ(options.weight_decay(), 0.1);
  EXPECT_EQ(sgd.lr, 0.5);
  sgd.set_share(0.1);
  EXPECT_DOUBLE_EQ(options.lr(), 0.05);
  auto adamw = read("{type: adamw, betas: [0.8, 0.9], eps: 0.001}");
  const auto& moments = dynamic_cast<torch::optim::AdamWOptions&>(adamw.optimizer->param_groups().at(0).options());
  EXPECT_EQ(moments.betas(), std::tuple(0.8, 0.9));
  EXPECT_EQ(moments.eps(), 0.001);
  EXPECT_EQ(moments.weight_decay(), 0.01);
}

TEST(Optimizer, OfTodayIsNamedAlone) { EXPECT_EQ(read("adam").lr, 1e-3); }

TEST(Optimizer, SaysWhatCannotBe) {
  EXPECT_THAT(error_of("{type: adam, betas: [0.9]}"), HasSubstr("betas: expected two numbers"));
  EXPECT_THAT(error_of("{type: sgd, nesterov: true, momentum: 0}"), HasSubstr("nesterov needs a momentum"));
  EXPECT_THAT(error_of("{type: adamm}"), HasSubstr("did you mean adam?"));
}

}  // namespace
}  // namespace millrace::training::optimizer_test
