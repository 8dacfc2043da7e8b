// That a checkpoint gives back what was put into it, bit for bit, and says what is wrong with a file that is none.
#include "millrace/training/checkpoint.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training::checkpoint_test {
namespace {

using testing::HasSubstr;

struct Trained {
  torch::nn::Linear model{4, 2};
  torch::optim::AdamW optimizer{model->parameters(), torch::optim::AdamWOptions(0.1)};

  void step(const at::Tensor& input) {
    optimizer.zero_grad();
    model(input).square().mean().backward();
    optimizer.step();
  }
};

Checkpoint checkpoint_of(Trained& trained) {
  Checkpoint checkpoint;
  checkpoint.position.epoch = 3;
  checkpoint.position.batches = 2;
  checkpoint.position.is_trained = true;
  checkpoint.position.steps = 17;
  checkpoint.position.loss_sum = 0.1 + 0.2;
  checkpoint.position.best = 0.875;
  checkpoint.model = weights_of(*trained.model);
  checkpoint.optimizer = bytes_of(trained.optimizer);
  checkpoint.random = random_states(c10::kCPU);
  checkpoint.loader.samples = 100;
  checkpoint.loader.position = 7;
  checkpoint.configuration = "epochs: 5\n";
  checkpoint.data = {{"cat", "dog, \"big\""}, {{"image", at::kByte, {3, 4, 5}}, {"label", at::kLong, {}}}};
  return checkpoint;
}

std::string error_of_reading(const std::string& path) {
  try {
    read_checkpoint(path);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(Checkpoint, GoesOnBitForBit) {
  const test::Directory folder;
  const std::string path = folder.path() + "/last.pt";
  Trained first;
  for (int i = 0; i < 3; ++i) first.step(at::randn({5, 4}));
  write_checkpoint(path, checkpoint_of(first));
  const auto drawn = at::rand({3});
  const auto input = at::randn({5, 4});
  first.step(input);

  Trained second;
  const Checkpoint read = read_checkpoint(path);
  apply_weights(*second.model, read.model);
  restore(second.optimizer, read.optimizer);
  restore_random(read.random);
  EXPECT_TRUE(at::equal(at::rand({3}), drawn));
  EXPECT_TRUE(at::equal(at::randn({5, 4}), input));
  second.step(input);
  EXPECT_TRUE(at::equal(first.model->weight, second.model->weight));
  EXPECT_TRUE(at::equal(first.model->bias, second.model->bias));
  EXPECT_EQ(read.position.epoch, 3);
  EXPECT_EQ(read.position.batches, 2);
  EXPECT_EQ(read.position.steps, 17);
  EXPECT_EQ(read.position.loss_sum, 0.1 + 0.2);
  EXPECT_EQ(read.position.best, 0.875);
  EXPECT_EQ(to_string(read.loader), to_string(checkpoint_of(first).loader));
  EXPECT_EQ(read.configuration, "epochs: 5\n");
  EXPECT_EQ(read.data, checkpoint_of(first).data);
}

TEST(Checkpoint, SaysWhatIsWrongWithAFileThatIsNone) {
  const test::Directory folder;
  EXPECT_THAT(error_of_reading(folder.path() + "/none.pt"), HasSubstr("none.pt"));
  const std::string weights = folder.path() + "/weights.pt";
  Trained trained;
  write_checkpoint(weights, checkpoint_of(trained));
  std::ifstream file(weights, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  for (size_t length = 0; length < whole.size(); length += 97) {
    std::ofstream(folder.path() + "/half.pt", std::ios::binary | std::ios::trunc) << whole.substr(0, length);
    EXPECT_THAT(error_of_reading(folder.path() + "/half.pt"), HasSubstr("half.pt")) << length;
  }
}

TEST(Checkpoint, OfOldNeedsNoFactsOfItsData) {
  const test::Directory folder;
  Trained trained;
  auto old = checkpoint_of(trained);
  old.data.reset();
  write_checkpoint(folder.path() + "/old.pt", old);
  EXPECT_FALSE(read_checkpoint(folder.path() + "/old.pt").data);
}

TEST(Checkpoint, IsJudgedByItsAveragesWhereItHasSome) {
  Trained trained;
  auto checkpoint = checkpoint_of(trained);
  EXPECT_EQ(&judged_weights(checkpoint), &checkpoint.model);
  checkpoint.ema = {{"a", at::rand({2})}};
  EXPECT_EQ(&judged_weights(checkpoint), &checkpoint.ema);
}

TEST(Checkpoint, OfAnotherOptimizerIsRefused) {
  Trained trained;
  trained.step(at::randn({5, 4}));
  torch::nn::Linear other(4, 2);
  torch::optim::SGD sgd(other->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  EXPECT_THROW(restore(sgd, bytes_of(trained.optimizer)), std::runtime_error);
}

TEST(Checkpoint, CopiesTensorsOfTheSameNamesAndShapesAlone) {
  const NamedTensors from{{"a", at::rand({2})}, {"b", at::rand({3})}};
  const NamedTensors to{{"b", at::rand({3})}, {"a", at::rand({2})}};
  copy_tensors(from, to);
  EXPECT_TRUE(at::equal(to[0].tensor, from[1].tensor));
  EXPECT_THROW(copy_tensors(from, {{"a", at::rand({2})}}), std::runtime_error);
  EXPECT_THROW(copy_tensors(from, {{"a", at::rand({2})}, {"c", at::rand({3})}}), std::runtime_error);
  EXPECT_THROW(copy_tensors(from, {{"a", at::rand({2})}, {"b", at::rand({4})}}), std::runtime_error);
}

}  // namespace
}  // namespace millrace::training::checkpoint_test
