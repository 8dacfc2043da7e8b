// Weights and programs between Python and here, live: the same logits on both sides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"
#include "millrace/training/models/model.h"
#include "millrace/training/models/resnet.h"
#include "millrace/training/models/torch_script.h"
#include "millrace/training/models/vision_transformer.h"
#include "millrace/training/weights/state_dict.h"
#include "millrace/training/weights/weights.h"

namespace millrace::training::python_test {
namespace {

constexpr int64_t kSide = 64;

// What pytorch_models.py says to each question; nothing without the Python that it needs.
std::optional<std::vector<std::string>> ask(const std::vector<std::string>& questions) {
  auto answers = test::ask_python("training/pytorch_models.py", questions);
  if (answers) answers->erase(answers->begin());  // torch's version
  return answers;
}

constexpr const char* kNoPython =
    "no Python with torch, torchvision and safetensors: set MILLRACE_PYTHON to what scripts/setup_live prints";

// pictures() of pytorch_models.py: the same bits.
torch::Tensor pictures() {
  const auto numbers = torch::arange(2 * 3 * kSide * kSide, torch::kLong);
  return (numbers.mul(37).remainder(256).to(torch::kFloat) / 255 - 0.5).view({2, 3, kSide, kSide});
}

std::vector<double> logits_of(const Model& model) {
  const torch::NoGradGuard no_grad;
  model->eval();
  const auto logits = model.forward(pictures()).flatten().to(torch::kDouble);
  return {logits.data_ptr<double>(), logits.data_ptr<double>() + logits.numel()};
}

std::vector<double> numbers_in(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<double>(words), {}};
}

void expect_same(const std::vector<double>& ours, const std::vector<double>& pythons) {
  ASSERT_EQ(ours.size(), pythons.size());
  double largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_NEAR(ours[i], pythons[i], 1e-5) << "logit " << i;
    largest = std::max(largest, std::abs(pythons[i]));
  }
  EXPECT_GT(largest, 0.01) << "logits that say nothing";
}

Model make(const std::string& name, int64_t classes = 10) {
  if (name == "resnet18") return resnet18({.classes = classes});
  if (name == "resnet50") return resnet50({.classes = classes});
  return VisionTransformer(VisionTransformerOptions{.height = kSide, .width = kSide, .classes = classes});
}

// The models that go through files of one kind.
struct Exchange {
  std::string ending;
  std::vector<std::string> models;
};

class Python : public ::testing::TestWithParam<Exchange> {
 protected:
  std::string path(const std::string& model) const { return folder.path() + "/" + model + GetParam().ending; }

  // What Python says to "WORD MODEL PATH" of each model.
  std::optional<std::vector<std::string>> ask_of_each(const std::string& word) const {
    std::vector<std::string> questions;
    for (const auto& model : GetParam().models) questions.push_back(word + " " + model + " " + path(model));
    return ask(questions);
  }

  test::Directory folder;
};

INSTANTIATE_TEST_SUITE_P(Files, Python,
                         ::testing::Values(Exchange{".pt", {"resnet18", "resnet50"}},
                                           Exchange{".safetensors", {"resnet18", "vit_tiny"}}),
                         [](const auto& one) { return one.param.ending.substr(1); });

TEST_P(Python, GivesWeightsWithWhichAModelHereGivesItsLogits) {
  const auto logits = ask_of_each("write");
  if (!logits) GTEST_SKIP() << kNoPython;
  for (size_t i = 0; i < logits->size(); ++i) {
    const std::string& name = GetParam().models[i];
    SCOPED_TRACE(name);
    const auto model = make(name);
    apply_weights(*model, load_weights(path(name)));
    expect_same(logits_of(model), numbers_in((*logits)[i]));
  }
}

TEST_P(Python, TakesWeightsOfAModelHereAndGivesItsLogits) {
  torch::manual_seed(2);
  std::vector<std::vector<double>> ours;
  for (const auto& name : GetParam().models) {
    const auto model = make(name);
    {
      const torch::NoGradGuard no_grad;
      for (auto& parameter : model->parameters())  // Some begin as zeros, which would hide a mistake.
        if (!parameter.ne(0).any().item<bool>()) parameter.normal_(0, 0.1);
      model.forward(pictures());  // Statistics of its own.
    }
    save_weights(path(name), weights_of(*model));
    ours.push_back(logits_of(model));
  }
  const auto logits = ask_of_each("read");
  if (!logits) GTEST_SKIP() << kNoPython;
  for (size_t i = 0; i < logits->size(); ++i) {
    SCOPED_TRACE(GetParam().models[i]);
    expect_same(ours[i], numbers_in((*logits)[i]));
  }
}

TEST(PythonNames, AreThoseThatTestsWithoutPythonCompareWith) {
  const std::vector<std::string> models = {"resnet18", "resnet50", "vit_tiny"};
  const auto names = ask({"names resnet18", "names resnet50", "names vit_tiny"});
  if (!names) GTEST_SKIP() << kNoPython;
  for (size_t i = 0; i < models.size(); ++i) {
    std::ifstream file(test::data("models/" + models[i] + ".txt"));
    std::string kept;
    for (std::string line; std::getline(file, line);) kept += (kept.empty() ? "" : ";") + line;
    EXPECT_EQ(kept, (*names)[i]) << models[i];
  }
}

TEST(PythonPrograms, GiveTheSameLogitsHere) {
  const test::Directory folder;
  const auto logits = ask({"script " + folder.path() + "/program.pt"});
  if (!logits) GTEST_SKIP() << kNoPython;
  const TorchScript program(folder.path() + "/program.pt");
  expect_same(logits_of(program), numbers_in(logits->front()));
}

TEST(PythonTensors, OfEveryKindAreRead) {
  const test::Directory folder;
  const auto sums = ask({"kinds " + folder.path() + "/kinds.pt"});
  if (!sums) GTEST_SKIP() << kNoPython;
  std::istringstream pythons(sums->front());
  for (const auto& [name, tensor] : load_weights(folder.path() + "/kinds.pt")) {
    std::string entry;
    ASSERT_TRUE(std::getline(pythons, entry, ';'));
    EXPECT_EQ(entry.substr(0, entry.find(' ')), name);
    const auto sum =
        tensor.is_complex() ? tensor.sum().abs().item<double>() : tensor.sum().to(torch::kDouble).item<double>();
    EXPECT_EQ(sum, std::stod(entry.substr(entry.find(' ') + 1))) << name;
  }
  std::string more;
  EXPECT_FALSE(std::getline(pythons, more)) << more;
}

class PythonReads : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Endings, PythonReads, ::testing::Values(".pt", ".safetensors"),
                         [](const auto& ending) { return std::string(ending.param).substr(1); });

TEST_P(PythonReads, TensorsOfEveryKindThatWereWrittenHere) {
  const test::Directory folder;
  const std::string path = folder.path() + "/kinds" + GetParam();
  const auto numbers = torch::arange(24).view({2, 3, 4});
  save_weights(path, {{"bfloat16", numbers.to(torch::kBFloat16)},
                      {"bytes", numbers.to(torch::kByte)},
                      {"double", numbers.to(torch::kDouble).transpose(0, 2)},
                      {"empty", torch::zeros({0, 3})},
                      {"half", numbers.to(torch::kHalf)},
                      {"odd", torch::ones({3}, torch::kByte)},
                      {"scalar", torch::tensor(7)},
                      {"truth", numbers.gt(3)}});
  const auto found = ask({"tensors " + path});
  if (!found) GTEST_SKIP() << kNoPython;
  EXPECT_EQ(found->front(),
            "bfloat16 bfloat16 2,3,4 276.0;bytes uint8 2,3,4 276.0;double float64 4,3,2 276.0;empty float32 0,3 0.0;"
            "half float16 2,3,4 276.0;odd uint8 3 3.0;scalar int64  7.0;truth bool 2,3,4 20.0");
}

}  // namespace
}  // namespace millrace::training::python_test
