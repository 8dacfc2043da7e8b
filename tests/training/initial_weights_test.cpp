#include "millrace/training/initial_weights.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <string>

#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/weights/state_dict.h"
#include "millrace/training/weights/weights.h"

namespace millrace::training::initial_weights_test {
namespace {

using testing::HasSubstr;

struct NetImpl : torch::nn::Module {
  explicit NetImpl(int64_t classes)
      : first(register_module("first", torch::nn::Linear(4, 3))),
        fc(register_module("fc", torch::nn::Linear(3, classes))) {}
  torch::nn::Linear first, fc;
};
TORCH_MODULE(Net);

void load(const std::string& yaml, Net& net) {
  load_initial_weights(configs::Node(configs::parse(yaml, "run.yaml")), *net);
}

TEST(InitialWeights, AreThoseOfAFileWithoutTheLayersThatAreExcepted) {
  const test::Directory folder;
  Net trained(10), net(2);
  save_weights(folder.path() + "/net.safetensors", weights_of(*trained));
  const auto own = net->fc->weight.clone();
  load("weights: {from: " + folder.path() + "/net.safetensors, except: [fc]}", net);
  EXPECT_TRUE(at::equal(net->first->weight, trained->first->weight));
  EXPECT_TRUE(at::equal(net->fc->weight, own));
}

TEST(InitialWeights, OfACheckpointAreThoseThatItWasJudgedBy) {
  const test::Directory folder;
  Net trained(2), averaged(2), net(2);
  Checkpoint checkpoint;
  checkpoint.model = weights_of(*trained);
  checkpoint.ema = weights_of(*averaged);
  checkpoint.optimizer = at::zeros({1}, at::kByte);
  write_checkpoint(folder.path() + "/best.pt", checkpoint);
  load("weights: {from: " + folder.path() + "/best.pt}", net);
  EXPECT_TRUE(at::equal(net->first->weight, averaged->first->weight));
}

TEST(InitialWeights, StayWhatTheyAreWithoutAFile) {
  Net net(2);
  const auto own = net->first->weight.clone();
  load("epochs: 1", net);
  EXPECT_TRUE(at::equal(net->first->weight, own));
}

TEST(InitialWeights, SayAllThatDoesNotFit) {
  const test::Directory folder;
  Net trained(10), net(2);
  NamedTensors weights = weights_of(*trained);
  weights[0].name = "frist.weight";
  save_weights(folder.path() + "/net.pt", weights);
  const auto error = [&](const std::string& section) {
    return test::error_of<configs::ConfigError>([&] { load("weights: " + section, net); });
  };
  const std::string text = error("{from: " + folder.path() + "/net.pt}");
  EXPECT_THAT(text, HasSubstr("run.yaml:1:10: weights: the weights do not fit the model"));
  EXPECT_THAT(text, HasSubstr("'fc.weight' is [10, 3], the model's [2, 3]"));
  EXPECT_THAT(text, HasSubstr("unexpected: 'frist.weight' [3, 4], did you mean first.weight?"));
  EXPECT_THAT(error("{from: " + folder.path() + "/none.pt}"), HasSubstr("weights.from: cannot read"));
  EXPECT_THAT(error("{except: [fc]}"), HasSubstr("weights.except: names layers"));
  EXPECT_THAT(error("{from: " + folder.path() + "/net.pt, except: [fd]}"),
              HasSubstr("no layer 'fd', did you mean fc?"));
}

}  // namespace
}  // namespace millrace::training::initial_weights_test
