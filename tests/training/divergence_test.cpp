#include "millrace/training/divergence.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace millrace::training::divergence_test {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();

// In its third epoch, behind 40 steps.
Position position() {
  Position position;
  position.epoch = 2;
  position.steps = 40;
  return position;
}

struct OneWeight : torch::nn::Module {
  explicit OneWeight(double value) {
    register_parameter("weight", at::full({2}, value));
    register_buffer("mask", at::full({2}, -kInfinity));
  }
};

template <class Check>
std::string error_of(Check check) {
  try {
    check();
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(Divergence, OfALossIsToldWithTheStepAndWhatMayHelp) {
  const std::string told = error_of([] { require_finite_loss(kNan, position()); });
  EXPECT_THAT(told, HasSubstr("in epoch 3, step 41, the loss is nan"));
  for (const char* cure : {"a lower optimizer.lr", "gradients.clip", "schedule.warmup_epochs"})
    EXPECT_THAT(told, HasSubstr(cure));
  EXPECT_THAT(error_of([] { require_finite_loss(-kInfinity, position()); }), HasSubstr("the loss is infinite"));
  EXPECT_EQ(error_of([] { require_finite_loss(1e300, position()); }), "");
}

TEST(Divergence, OfWeightsIsToldWithTheirName) {
  EXPECT_THAT(error_of([] { require_finite_weights(OneWeight(kNan), position()); }),
              HasSubstr("in epoch 3, step 40, the weights 'weight' became nan or infinite"));
  EXPECT_EQ(error_of([] { require_finite_weights(OneWeight(1), position()); }), "") << "buffers may be infinite";
}

}  // namespace
}  // namespace millrace::training::divergence_test
