#include "millrace/training/ema.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include "millrace/training/weights/state_dict.h"

namespace millrace::training::ema_test {
namespace {

// One number, of which everything is known.
struct Number : torch::nn::Module {
  Number() {
    value = register_parameter("value", at::zeros({1}));
    count = register_buffer("count", at::zeros({1}));
  }
  void set(float to) {
    const at::NoGradGuard no_grad;
    value.fill_(to);
    count.fill_(to);
  }
  at::Tensor value, count;
};

TEST(Ema, AveragesParametersAndTakesBuffersAsTheyAre) {
  Number model;
  Ema ema(0.5, model);
  model.set(8);
  ema.update(100);
  model.set(4);
  ema.update(101);
  EXPECT_EQ(ema.tensors()[0].tensor.item<float>(), 4) << "half of half of 8, and half of 4";
  EXPECT_EQ(ema.tensors()[1].tensor.item<float>(), 4) << "the last one";
  EXPECT_EQ(model.value.item<float>(), 4);
}

TEST(Ema, ForgetsSoonWhatTrainingBeganWith) {
  Number model;
  model.set(100);
  Ema ema(0.999, model);
  model.set(1);
  ema.update(0);
  EXPECT_EQ(ema.tensors()[0].tensor.item<float>(), 1);
  model.set(3);
  ema.update(1);
  EXPECT_EQ(ema.tensors()[0].tensor.item<float>(), 2);
}

TEST(Ema, IsInTheModelForAScope) {
  Number model;
  model.set(2);
  Ema ema(0.5, model);
  model.set(6);
  {
    const Ema::InPlace averages(&ema);
    EXPECT_EQ(model.value.item<float>(), 2);
  }
  EXPECT_EQ(model.value.item<float>(), 6);
  EXPECT_EQ(ema.tensors()[0].tensor.item<float>(), 2);
  const Ema::InPlace nothing(nullptr);
}

}  // namespace
}  // namespace millrace::training::ema_test
