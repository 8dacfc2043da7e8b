#include "millrace/training/mixed_precision.h"

#include <gtest/gtest.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <limits>
#include <optional>

namespace millrace::training::mixed_precision_test {
namespace {

struct Step {
  torch::Tensor weight = torch::ones({2}, torch::requires_grad());
  torch::optim::SGD optimizer{{weight}, 0.25};

  void take(LossScale& scale, const torch::Tensor& loss) {
    scale.backward(loss);
    if (scale.unscale(optimizer)) optimizer.step();
  }
};

TEST(LossScale, ChangesNoStepWhoseGradientsAreFinite) {
  Step step;
  LossScale scale(torch::kCPU);
  step.take(scale, (step.weight * torch::tensor({1.0F, 2.0F})).sum());
  EXPECT_TRUE(torch::equal(step.weight.detach(), torch::tensor({0.75F, 0.5F})));
  EXPECT_EQ(scale.value(), 65536);
}

TEST(LossScale, LeavesOutAStepThatOverflowsAndHalves) {
  Step step;
  LossScale scale(torch::kCPU);
  step.take(scale, (step.weight * std::numeric_limits<float>::max()).sum());
  EXPECT_TRUE(torch::equal(step.weight.detach(), torch::ones({2})));
  EXPECT_EQ(scale.value(), 32768);
}

TEST(LossScale, DoublesAfterManyGoodSteps) {
  Step step;
  LossScale scale(torch::kCPU);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(scale.value(), 65536);
    step.optimizer.zero_grad();
    step.take(scale, (step.weight * 0.0F).sum());
  }
  EXPECT_EQ(scale.value(), 131072);
}

TEST(Autocast, EndsWithTheObject) {
  const auto a = torch::ones({4, 4});
  {
    const Autocast autocast(torch::kCPU, torch::kBFloat16);
    EXPECT_EQ(torch::mm(a, a).scalar_type(), torch::kBFloat16);
  }
  EXPECT_EQ(torch::mm(a, a).scalar_type(), torch::kFloat);
  const Autocast none(torch::kCPU, std::nullopt);
  EXPECT_EQ(torch::mm(a, a).scalar_type(), torch::kFloat);
}

}  // namespace
}  // namespace millrace::training::mixed_precision_test
