// The models: torchvision's names, shapes and numbers of parameters; what goes in and comes out.
#include "millrace/training/models/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"
#include "millrace/training/models/mlp.h"
#include "millrace/training/models/resnet.h"
#include "millrace/training/models/small_cnn.h"
#include "millrace/training/models/torch_script.h"
#include "millrace/training/models/unet.h"
#include "millrace/training/models/vision_transformer.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training::models_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Gt;
using ::testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// "fc.weight 1000,512" of each weight, as the files of tests/data/models have them.
std::vector<std::string> shapes_of(const Model& model) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : weights_of(*model)) {
    std::string sizes;
    for (const int64_t size : tensor.sizes()) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    lines.push_back(name + " " + sizes);
  }
  return lines;
}

int64_t parameters_of(const Model& model) {
  int64_t count = 0;
  for (const auto& parameter : model->parameters()) count += parameter.numel();
  return count;
}

std::vector<int64_t> shape_of_logits(const Model& model, std::vector<int64_t> pictures) {
  return model.forward(torch::rand(pictures)).sizes().vec();
}

// How far the gradients of a loss reach: the largest of each parameter.
std::vector<double> gradients_of(const Model& model, std::vector<int64_t> pictures) {
  model.forward(torch::randn(pictures)).square().sum().backward();
  std::vector<double> largest;
  for (const auto& parameter : model->parameters())
    largest.push_back(parameter.grad().defined() ? parameter.grad().abs().max().item<double>() : -1);
  return largest;
}

TEST(ResNets, HaveTorchvisionsNamesAndShapesInItsOrder) {
  EXPECT_THAT(shapes_of(resnet18({.classes = 1000})), ElementsAreArray(lines_of(test::data("models/resnet18.txt"))));
  EXPECT_THAT(shapes_of(resnet50({.classes = 1000})), ElementsAreArray(lines_of(test::data("models/resnet50.txt"))));
}

TEST(ResNets, HaveAsManyParametersAsTorchvisions) {
  EXPECT_EQ(parameters_of(resnet18({.classes = 1000})), 11'689'512);
  EXPECT_EQ(parameters_of(resnet50({.classes = 1000})), 25'557'032);
}

TEST(ResNets, GiveALogitForEachClassOfPicturesOfAnySize) {
  const torch::NoGradGuard no_grad;
  EXPECT_THAT(shape_of_logits(resnet18({.classes = 10}), {2, 3, 64, 96}), ElementsAre(2, 10));
  EXPECT_THAT(shape_of_logits(resnet50({.channels = 1, .classes = 7}), {2, 1, 33, 65}), ElementsAre(2, 7));
}

TEST(ResNets, BeginWithKaimingsConvolutionsAndPlainNorms) {
  torch::manual_seed(1);
  const auto net = resnet18({.classes = 10});
  const auto parameters = net->named_parameters();
  // Fan out: 512 channels of 3x3 weights.
  EXPECT_NEAR(parameters["layer4.1.conv2.weight"].std().item<double>(), std::sqrt(2. / (512 * 9)), 1e-4);
  EXPECT_TRUE(parameters["layer4.1.bn2.weight"].eq(1).all().item<bool>());
  EXPECT_TRUE(parameters["layer4.1.bn2.bias"].eq(0).all().item<bool>());
}

TEST(ResNets, SmallStemKeepsSmallPicturesLarge) {
  const auto small = resnet18({.classes = 10, .stem = ResNetStem::kSmall});
  EXPECT_EQ(small->named_parameters()["conv1.weight"].sizes(), (std::vector<int64_t>{64, 3, 3, 3}));
  // 8x8 pixels become one at the last stage; behind the large stem they are one at the third.
  const torch::NoGradGuard no_grad;
  EXPECT_THAT(shape_of_logits(small, {2, 3, 32, 32}), ElementsAre(2, 10));
}

TEST(ResNets, RefuseOptionsWithoutAMeaning) {
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { resnet18({.classes = 0}); }),
              HasSubstr("classes: expected at least 1, found 0"));
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { resnet50({.channels = -1, .classes = 2}); }),
              HasSubstr("channels: expected at least 1, found -1"));
}

TEST(VisionTransformers, HaveTorchvisionsNamesAndShapesInItsOrder) {
  const VisionTransformer tiny(VisionTransformerOptions{.classes = 1000});
  EXPECT_THAT(shapes_of(tiny), ElementsAreArray(lines_of(test::data("models/vit_tiny.txt"))));
  EXPECT_EQ(parameters_of(tiny), 5'717'416);
}

TEST(VisionTransformers, TakePicturesThatAreNoSquares) {
  const VisionTransformer net(
      VisionTransformerOptions{.channels = 1, .height = 16, .width = 24, .classes = 5, .patch_size = 8});
  EXPECT_THAT(shape_of_logits(net, {2, 1, 16, 24}), ElementsAre(2, 5));
  EXPECT_THAT(test::error_of<std::invalid_argument>([&] { shape_of_logits(net, {2, 1, 24, 16}); }),
              HasSubstr("made for pictures of 16x24 pixels, found [2, 1, 24, 16]"));
}

TEST(VisionTransformers, DropValuesInTrainingAlone) {
  VisionTransformer net(
      VisionTransformerOptions{.height = 16, .width = 16, .classes = 5, .patch_size = 8, .dropout = 0.5});
  torch::nn::init::normal_(net->named_parameters()["heads.head.weight"]);  // It begins as zeros.
  const auto pictures = torch::rand({2, 3, 16, 16});
  EXPECT_FALSE(net->forward(pictures).equal(net->forward(pictures)));
  net->eval();
  EXPECT_TRUE(net->forward(pictures).equal(net->forward(pictures)));
}

TEST(VisionTransformers, RefuseOptionsWithoutAMeaning) {
  const auto error = [](const VisionTransformerOptions& options) {
    return test::error_of<std::invalid_argument>([&] { const VisionTransformer net(options); });
  };
  EXPECT_THAT(error({.height = 30, .classes = 2}), HasSubstr("height: 30 is no multiple of patch_size, which is 16"));
  EXPECT_THAT(error({.classes = 2, .num_heads = 5}), HasSubstr("hidden_dim: 192 is no multiple of num_heads"));
  EXPECT_THAT(error({.classes = 2, .num_heads = 0}), HasSubstr("num_heads: expected at least 1, found 0"));
  EXPECT_THAT(error({.classes = 2, .patch_size = 0}), HasSubstr("patch_size: expected at least 1, found 0"));
  EXPECT_THAT(error({.classes = 2, .dropout = std::numeric_limits<double>::quiet_NaN()}),
              HasSubstr("dropout: expected a number from 0 to 1"));
}

TEST(UNets, GiveALogitForEachClassOfEachPixelWhateverTheSides) {
  const UNet net(UNetOptions{.channels = 1, .classes = 4, .widths = {4, 8, 16}});
  EXPECT_THAT(shape_of_logits(net, {2, 1, 16, 32}), ElementsAre(2, 4, 16, 32));
  EXPECT_THAT(shape_of_logits(net, {2, 1, 17, 31}), ElementsAre(2, 4, 17, 31));
  EXPECT_THAT(shape_of_logits(net, {1, 1, 5, 4}), ElementsAre(1, 4, 5, 4));
}

TEST(UNets, OfOneLevelHalveNothing) {
  EXPECT_THAT(shape_of_logits(UNet(UNetOptions{.classes = 2, .widths = {4}}), {1, 3, 7, 5}), ElementsAre(1, 2, 7, 5));
}

TEST(UNets, RefusePicturesThatCannotBeHalvedSoOften) {
  const UNet net(UNetOptions{.classes = 2, .widths = {4, 8, 16}});
  EXPECT_THAT(test::error_of<std::invalid_argument>([&] { shape_of_logits(net, {1, 3, 8, 3}); }),
              HasSubstr("widths: halving pictures of 3 pixels 2 times leaves nothing"));
}

TEST(SmallCnns, GiveALogitForEachClass) {
  EXPECT_THAT(shape_of_logits(SmallCnn(SmallCnnOptions{.channels = 1, .classes = 10, .widths = {4, 8}}), {3, 1, 9, 12}),
              ElementsAre(3, 10));
}

TEST(SmallCnns, RefuseOptionsWithoutAMeaning) {
  const auto error = [](const SmallCnnOptions& options) {
    return test::error_of<std::invalid_argument>([&] { const SmallCnn net(options); });
  };
  EXPECT_THAT(error({.classes = 2, .widths = {}}), HasSubstr("widths: expected at least one number of channels"));
  EXPECT_THAT(error({.classes = 2, .widths = {4, 0}}), HasSubstr("widths: expected at least 1, found 0"));
}

TEST(Mlps, HaveTorchvisionsNamesAndTakeNumbersOfAnyType) {
  const Mlp net(MlpOptions{.features = 3, .outputs = 2, .widths = {4, 5}, .dropout = 0.1});
  EXPECT_THAT(shapes_of(net),
              ElementsAre("0.weight 4,3", "0.bias 4", "3.weight 5,4", "3.bias 5", "6.weight 2,5", "6.bias 2"));
  for (const auto type : {torch::kByte, torch::kDouble, torch::kLong})
    EXPECT_THAT(Model(net).forward(torch::ones({6, 3}, type)).sizes().vec(), ElementsAre(6, 2));
}

TEST(Mlps, RefuseOptionsWithoutAMeaning) {
  const auto error = [](const MlpOptions& options) {
    return test::error_of<std::invalid_argument>([&] { const Mlp net(options); });
  };
  EXPECT_THAT(error({.outputs = 2}), HasSubstr("features: expected at least 1, found 0"));
  EXPECT_THAT(error({.features = 2, .outputs = 2, .widths = {0}}), HasSubstr("widths: expected at least 1, found 0"));
  EXPECT_THAT(error({.features = 2, .outputs = 2, .dropout = 2}), HasSubstr("dropout: expected a number from 0 to 1"));
}

TEST(Models, EveryParameterLearns) {
  const auto all_learn = [](const Model& model, std::vector<int64_t> pictures) {
    EXPECT_THAT(gradients_of(model, std::move(pictures)), Each(Gt(0)));
  };
  all_learn(resnet18({.classes = 3}), {2, 3, 64, 64});
  all_learn(resnet50({.classes = 3, .stem = ResNetStem::kSmall}), {2, 3, 16, 16});
  all_learn(UNet(UNetOptions{.classes = 3, .widths = {4, 8}}), {2, 3, 8, 8});
  all_learn(SmallCnn(SmallCnnOptions{.classes = 3, .widths = {4}}), {2, 3, 8, 8});
  all_learn(Mlp(MlpOptions{.features = 6, .outputs = 3, .widths = {8}}), {16, 6});
  VisionTransformer vit(VisionTransformerOptions{.height = 16, .width = 16, .classes = 3, .patch_size = 8});
  torch::nn::init::normal_(vit->named_parameters()["heads.head.weight"]);
  torch::nn::init::normal_(vit->named_parameters()["heads.head.bias"]);
  all_learn(vit, {2, 3, 16, 16});
}

TEST(Models, SpeakForTheModuleThatTheyAreMadeOf) {
  SmallCnn net(SmallCnnOptions{.classes = 2, .widths = {4}});
  const Model model = net;
  model->eval();
  EXPECT_FALSE(net->is_training());
  const auto pictures = torch::rand({1, 3, 8, 8});
  EXPECT_TRUE(model.forward(pictures).equal(net->forward(pictures)));
  model->to(torch::kDouble);
  EXPECT_EQ(net->parameters().front().scalar_type(), torch::kDouble);
}

// --- TorchScript ---

// A program with a parameter, a buffer and a layer below, which counts how often it was called in training.
std::string write_program(const std::string& folder, const std::string& forward) {
  torch::jit::Module layer("layer");
  layer.register_parameter("weight", torch::full({2, 3}, 0.5, torch::requires_grad()), false);
  layer.define("def forward(self, x):\n  return torch.matmul(x.mean([2, 3]), self.weight.t())\n");
  torch::jit::Module program("program");
  program.register_module("fc", layer);
  program.register_buffer("calls", torch::zeros({}));
  program.register_attribute("training", c10::BoolType::get(), true);
  program.define(forward);
  const std::string path = folder + "/program.pt";
  program.save(path);
  return path;
}

constexpr const char* kForward =
    "def forward(self, x):\n"
    "  if self.training:\n"
    "    self.calls.add_(1)\n"
    "  return self.fc.forward(x)\n";

TEST(TorchScripts, HaveTheProgramsNamesAndGiveWhatItGives) {
  const test::Directory folder;
  const TorchScript net(write_program(folder.path(), kForward));
  EXPECT_THAT(shapes_of(net), ElementsAre("calls ", "fc.weight 2,3"));
  EXPECT_TRUE(Model(net).forward(torch::ones({1, 3, 4, 4})).allclose(torch::full({1, 2}, 1.5)));
}

TEST(TorchScripts, ShareTheirTensorsWithTheProgram) {
  const test::Directory folder;
  TorchScript net(write_program(folder.path(), kForward));
  {
    const torch::NoGradGuard no_grad;
    net->named_parameters()["fc.weight"].fill_(2);
  }
  EXPECT_TRUE(net->forward(torch::ones({1, 3, 4, 4})).allclose(torch::full({1, 2}, 6.)));
  net->to(torch::kDouble);
  EXPECT_EQ(net->forward(torch::ones({1, 3, 4, 4}, torch::kDouble)).scalar_type(), torch::kDouble);
}

TEST(TorchScripts, AreTrained) {
  const test::Directory folder;
  TorchScript net(write_program(folder.path(), kForward));
  EXPECT_THAT(gradients_of(net, {1, 3, 4, 4}), Each(Gt(0)));
}

TEST(TorchScripts, KnowWhetherTheyAreTrained) {
  const test::Directory folder;
  TorchScript net(write_program(folder.path(), kForward));
  const auto calls = [&] { return net->named_buffers()["calls"].item<double>(); };
  net->forward(torch::ones({1, 3, 4, 4}));
  EXPECT_EQ(calls(), 1);
  net->eval();
  net->forward(torch::ones({1, 3, 4, 4}));
  EXPECT_EQ(calls(), 1);
}

TEST(TorchScripts, SayWhichFileIsNoProgram) {
  const test::Directory folder;
  folder.write("x.pt", "no program");
  const auto error = [](const std::string& path) {
    return test::error_of<std::runtime_error>([&] { const TorchScript net(path); });
  };
  EXPECT_THAT(error(folder.path() + "/x.pt"), HasSubstr("cannot read '" + folder.path() + "/x.pt': "));
  EXPECT_THAT(error(folder.path() + "/none.pt"), HasSubstr("none.pt': No such file or directory"));
}

TEST(TorchScripts, RefuseWhatIsNoTensor) {
  const test::Directory folder;
  TorchScript net(write_program(folder.path(), "def forward(self, x):\n  return (x, x)\n"));
  EXPECT_THAT(test::error_of<std::runtime_error>([&] { net->forward(torch::ones({1, 3, 4, 4})); }),
              HasSubstr("gives Tuple where one tensor is expected"));
}

}  // namespace
}  // namespace millrace::training::models_test
