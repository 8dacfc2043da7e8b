#include "millrace/apps/millrace/mixed_precision.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace::apps {
namespace {

struct Step {
  torch::Tensor weight = torch::ones({2}, torch::requires_grad());
  torch::optim::SGD optimizer{{weight}, 0.25};
};

TEST(LossScale, ChangesNoStepWhoseGradientsAreFinite) {
  Step step;
  LossScale scale(torch::kCPU);
  scale.step((step.weight * torch::tensor({1.0F, 2.0F})).sum(), step.optimizer);
  EXPECT_TRUE(torch::equal(step.weight.detach(), torch::tensor({0.75F, 0.5F})));
  EXPECT_EQ(scale.value(), 65536);
}

TEST(LossScale, LeavesOutAStepThatOverflowsAndHalves) {
  Step step;
  LossScale scale(torch::kCPU);
  scale.step((step.weight * std::numeric_limits<float>::max()).sum(), step.optimizer);
  EXPECT_TRUE(torch::equal(step.weight.detach(), torch::ones({2})));
  EXPECT_EQ(scale.value(), 32768);
}

TEST(LossScale, DoublesAfterManyGoodSteps) {
  Step step;
  LossScale scale(torch::kCPU);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(scale.value(), 65536);
    step.optimizer.zero_grad();
    scale.step((step.weight * 0.0F).sum(), step.optimizer);
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
}  // namespace millrace::apps
