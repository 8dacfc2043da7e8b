// Weights and models: what fits, and what is said where it does not; files of both kinds.
#include "millrace/training/weights/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/sharing/os/syscall.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/training/models/small_cnn.h"
#include "millrace/training/weights/weights.h"

namespace millrace::training::state_dict_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// Two linear layers, one in a layer of its own, and a buffer.
struct Net : torch::nn::Module {
  explicit Net(int64_t classes = 2) {
    auto inner = register_module("inner", std::make_shared<torch::nn::Module>());
    inner->register_module("first", torch::nn::Linear(3, 4).ptr());
    register_module("fc", torch::nn::Linear(4, classes));
    register_buffer("mean", torch::zeros({3}));
  }
};

std::vector<std::string> names_of(const NamedTensors& weights) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : weights) names.push_back(name);
  return names;
}

NamedTensors copy_of(const NamedTensors& weights) {
  NamedTensors copy;
  for (const auto& [name, tensor] : weights) copy.push_back({name, tensor.clone()});
  return copy;
}

bool equal(const NamedTensors& a, const NamedTensors& b) {
  bool same = names_of(a) == names_of(b);
  for (size_t i = 0; same && i < a.size(); ++i)
    same = a[i].tensor.scalar_type() == b[i].tensor.scalar_type() && a[i].tensor.equal(b[i].tensor);
  return same;
}

std::string misfit(torch::nn::Module& model, const NamedTensors& weights, const std::vector<std::string>& except = {}) {
  return test::error_of<std::invalid_argument>([&] { apply_weights(model, weights, except); });
}

TEST(StateDict, HasPythonsNamesInPythonsOrder) {
  EXPECT_THAT(names_of(weights_of(Net())),
              ElementsAre("mean", "inner.first.weight", "inner.first.bias", "fc.weight", "fc.bias"));
}

TEST(StateDict, IsTheModelsOwnMemoryWithoutGradients) {
  const Net net;
  const auto weights = weights_of(net);
  weights[0].tensor.fill_(3);
  EXPECT_EQ(net.named_buffers()["mean"].sum().item<double>(), 9);
  EXPECT_FALSE(weights[1].tensor.requires_grad());
  EXPECT_TRUE(net.parameters().front().requires_grad());
}

TEST(ApplyWeights, CopiesEachIntoItsPlaceInAnyOrder) {
  const Net from;
  Net to;
  auto weights = copy_of(weights_of(from));
  std::reverse(weights.begin(), weights.end());
  apply_weights(to, weights);
  EXPECT_TRUE(equal(weights_of(from), weights_of(to)));
  EXPECT_TRUE(to.parameters().front().requires_grad());
}

TEST(ApplyWeights, KeepsTheModelsTypes) {
  Net to;
  auto weights = copy_of(weights_of(to));
  for (auto& weight : weights) weight.tensor = torch::ones_like(weight.tensor, torch::kHalf);
  apply_weights(to, weights);
  EXPECT_EQ(to.parameters().front().scalar_type(), torch::kFloat);
  EXPECT_TRUE(to.parameters().front().eq(1).all().item<bool>());
}

TEST(ApplyWeights, SaysAllThatDoesNotFitAtOnceAndChangesNothing) {
  Net to;
  const auto before = copy_of(weights_of(to));
  NamedTensors weights = copy_of(weights_of(Net()));
  weights[0] = {"average", torch::zeros({3})};  // mean is missing.
  weights[1].tensor = torch::zeros({5, 3});     // inner.first.weight
  weights[3].name = "fc.weigth";
  EXPECT_EQ(misfit(to, weights),
            "the weights do not fit the model; where the model is another one on purpose, name what keeps its own "
            "values, as in except: [fc]\n"
            "  of another shape: 'inner.first.weight' is [5, 3], the model's [4, 3]\n"
            "  missing: 'fc.weight' [2, 4]\n"
            "  missing: 'mean' [3]\n"
            "  unexpected: 'average' [3]\n"
            "  unexpected: 'fc.weigth' [2, 4], did you mean fc.weight?");
  EXPECT_TRUE(equal(weights_of(to), before));
}

TEST(ApplyWeights, NamesTenWeightsThatDoNotFitAndCountsTheRest) {
  Net to;
  NamedTensors weights = copy_of(weights_of(to));
  for (int i = 29; i >= 10; --i) weights.push_back({"more." + std::to_string(i), torch::zeros({1})});
  const std::string text = misfit(to, weights);
  EXPECT_THAT(text, HasSubstr("\n  unexpected: 'more.10' [1]\n  unexpected: 'more.11' [1]\n"));
  EXPECT_THAT(text, EndsWith("\n  unexpected: 'more.19' [1]\n  and 10 more"));
}

TEST(ApplyWeights, LeavesOutTheLayersThatAreNamed) {
  const Net from(10);
  Net to(2);
  const auto before = copy_of(weights_of(to));
  EXPECT_THAT(misfit(to, weights_of(from)), HasSubstr("'fc.weight' is [10, 4], the model's [2, 4]"));
  apply_weights(to, weights_of(from), {"fc"});
  EXPECT_TRUE(weights_of(to)[1].tensor.equal(weights_of(from)[1].tensor));
  EXPECT_TRUE(weights_of(to)[3].tensor.equal(before[3].tensor));
}

TEST(ApplyWeights, NeedsNoWeightsForLayersThatAreLeftOut) {
  Net to;
  auto weights = copy_of(weights_of(Net()));
  weights.erase(weights.begin() + 3, weights.end());
  EXPECT_THAT(misfit(to, weights), HasSubstr("missing: 'fc.weight'"));
  apply_weights(to, weights, {"fc"});
  EXPECT_TRUE(weights_of(to)[1].tensor.equal(weights[1].tensor));
}

TEST(ApplyWeights, RefusesALayerThatTheModelDoesNotHave) {
  Net to;
  EXPECT_THAT(misfit(to, weights_of(Net()), {"f"}), HasSubstr("except: the model has no layer 'f'"));
  EXPECT_THAT(misfit(to, weights_of(Net()), {"inner.frist"}), HasSubstr("did you mean inner.first?"));
}

TEST(ApplyWeights, KnowsThePrefixOfDistributedDataParallel) {
  Net to;
  auto weights = copy_of(weights_of(Net()));
  for (auto& weight : weights) weight.name = "module." + weight.name;
  EXPECT_THAT(misfit(to, weights), HasSubstr("save model.module.state_dict()"));
}

class WeightFiles : public ::testing::TestWithParam<const char*> {
 protected:
  std::string path() const { return folder.path() + "/weights" + GetParam(); }

  test::Directory folder;
};

INSTANTIATE_TEST_SUITE_P(Endings, WeightFiles, ::testing::Values(".safetensors", ".pt", ".pth"),
                         [](const auto& ending) { return std::string(ending.param).substr(1); });

TEST_P(WeightFiles, BringAModelsWeightsToAnother) {
  SmallCnn from(SmallCnnOptions{.classes = 3, .widths = {4, 8}});
  from->forward(torch::rand({2, 3, 32, 32}));  // Statistics of its own.
  save_weights(path(), weights_of(*from));
  SmallCnn to(SmallCnnOptions{.classes = 3, .widths = {4, 8}});
  apply_weights(*to, load_weights(path()));
  EXPECT_TRUE(equal(weights_of(*from), weights_of(*to)));
}

TEST_P(WeightFiles, HoldTensorsOfAnyLayout) {
  const auto numbers = torch::arange(24, torch::kFloat).view({2, 3, 4});
  const NamedTensors weights = {{"transposed", numbers.transpose(0, 2)},
                                {"row", numbers[1]},
                                {"scalar", torch::tensor(7, torch::kLong)},
                                {"empty", torch::zeros({0, 3})},
                                {"needs a gradient", torch::ones({2}, torch::requires_grad())}};
  save_weights(path(), weights);
  auto found = load_weights(path());
  ASSERT_EQ(found.size(), weights.size());
  for (const auto& [name, tensor] : weights) {
    const auto same = std::find_if(found.begin(), found.end(), [&](const auto& one) { return one.name == name; });
    ASSERT_NE(same, found.end()) << name;
    EXPECT_TRUE(same->tensor.equal(tensor)) << name;
    EXPECT_EQ(same->tensor.scalar_type(), tensor.scalar_type()) << name;
  }
}

TEST_P(WeightFiles, AreNotTouchedByWhatCannotBeWritten) {
  save_weights(path(), {{"a", torch::ones({2})}});
  const NamedTensors twice = {{"a", torch::zeros({2})}, {"a", torch::zeros({2})}};
  EXPECT_THAT(test::error_of<std::invalid_argument>([&] { save_weights(path(), twice); }), HasSubstr("'a'"));
  EXPECT_EQ(load_weights(path()).front().tensor.sum().item<double>(), 2);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "a passing file was left";
}

TEST_P(WeightFiles, FailAsTheSystemSaysWhereNothingCanBeWritten) {
  const NamedTensors weights = {{"a", torch::zeros({2})}};
  EXPECT_THAT(test::error_of([&] { save_weights(folder.path() + "/none/x" + GetParam(), weights); }),
              HasSubstr("No such file or directory"));
}

// The system refuses in the middle, as a full disk does.
TEST_P(WeightFiles, ThatDoNotFitOnTheDiskAreAnErrorAndLeaveNothing) {
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {1 << 16, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = test::error_of<SyscallError>(
      [&] { save_weights(path(), {{"a", torch::zeros({1 << 20})}, {"b", torch::zeros({2})}}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(error, HasSubstr("ulimit -f"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WeightFile, IsToldByItsBytesWhateverItsName) {
  const test::Directory folder;
  save_weights(folder.path() + "/a.pt", {{"a", torch::ones({2})}});
  std::filesystem::rename(folder.path() + "/a.pt", folder.path() + "/a.safetensors");
  EXPECT_THAT(names_of(load_weights(folder.path() + "/a.safetensors")), ElementsAre("a"));
}

TEST(WeightFile, ThatIsNoneIsNamed) {
  const test::Directory folder;
  folder.write("x.pt", "some text");
  EXPECT_THAT(test::error_of<std::runtime_error>([&] { load_weights(folder.path() + "/x.pt"); }),
              AllOf(HasSubstr("cannot read '" + folder.path() + "/x.pt': is neither a .safetensors file nor"),
                    Not(HasSubstr("some text"))));
  EXPECT_THAT(test::error_of<std::runtime_error>([&] { load_weights(folder.path() + "/none.pt"); }),
              HasSubstr("none.pt': No such file or directory"));
}

TEST(WeightFile, OfAnUnknownEndingIsNotWritten) {
  const test::Directory folder;
  EXPECT_THAT(test::error_of<std::invalid_argument>([&] { save_weights(folder.path() + "/x.bin", {}); }),
              HasSubstr("its ending has to be .safetensors, .pt or .pth"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace millrace::training::state_dict_test
