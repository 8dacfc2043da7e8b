// Models by their names in YAML.
#include "millrace/training/models/model_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/configs/tables/description.h"
#include "millrace/configs/tables/model_keys.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training::model_types_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ModelFacts kFacts = {.channels = 1, .height = 32, .width = 64, .classes = 5};
constexpr ModelFacts kVectors = {.classes = 5, .features = 7};

configs::Node section(const std::string& yaml) {
  return configs::Node(configs::parse("model: " + yaml, "run.yaml"))["model"];
}

Model make(const std::string& yaml, const ModelFacts& facts = kFacts) {
  return ModelTypes().make(section(yaml), facts);
}

std::string refusal(const std::string& yaml, const ModelFacts& facts = kFacts) {
  return test::error_of<configs::ConfigError>([&] { make(yaml, facts); });
}

// A program that gives `classes` logits for each picture.
void write_program(const std::string& path, int64_t classes) {
  torch::jit::Module program("program");
  program.register_parameter("weight", torch::zeros({classes}), false);
  program.define("def forward(self, x):\n  return x.mean([1, 2, 3]).unsqueeze(1) + self.weight\n");
  program.save(path);
}

int64_t count(const Model& model, const std::string& part) {
  int64_t found = 0;
  for (const auto& [name, tensor] : weights_of(*model)) found += name.find(part) != name.npos;
  return found;
}

// What a value of a key does to a model; one for each key of each named model, or AllModels fails.
class AllModels : public ::testing::Test {
 protected:
  AllModels() { write_program(folder.path() + "/program.pt", kFacts.classes); }

  test::Directory folder;
  std::map<std::string, std::function<void(const std::string&)>> keys{
      {"small_cnn.widths",
       [](const std::string& type) {
         EXPECT_EQ(weights_of(*make("{type: " + type + ", widths: [4, 6]}")).back().tensor.numel(), kFacts.classes);
         EXPECT_EQ(count(make("{type: " + type + ", widths: [4, 6]}"), "num_batches_tracked"), 2);
       }},
      {"resnet18.stem", stem},
      {"resnet50.stem", stem},
      {"vit_tiny.patch_size",
       [](const std::string& type) {
         const auto model = make("{type: " + type + ", patch_size: 8}");
         EXPECT_EQ(model->named_parameters()["conv_proj.weight"].size(3), 8);
       }},
      {"vit_tiny.dropout",
       [](const std::string& type) {
         const auto model = make("{type: " + type + ", dropout: 0.5}");
         torch::nn::init::ones_(model->named_parameters()["heads.head.weight"]);
         const auto pictures = torch::rand({1, 1, 32, 64});
         EXPECT_FALSE(model.forward(pictures).equal(model.forward(pictures)));
       }},
      {"unet.widths",
       [](const std::string& type) {
         EXPECT_EQ(count(make("{type: " + type + ", widths: [4, 6, 8]}"), "num_batches_tracked"), 10);
       }},
      {"mlp.widths",
       [](const std::string& type) {
         EXPECT_EQ(count(make("{type: " + type + ", widths: [4, 6]}", kVectors), "weight"), 3);
         EXPECT_EQ(count(make("{type: " + type + ", widths: []}", kVectors), "weight"), 1);
       }},
      {"mlp.dropout",
       [](const std::string& type) {
         const auto model = make("{type: " + type + ", dropout: 0.5}", kVectors);
         const auto vectors = torch::rand({8, kVectors.features});
         EXPECT_FALSE(model.forward(vectors).equal(model.forward(vectors)));
       }},
      {"torch_script.path",
       [this](const std::string& type) {
         const auto model = make("{type: " + type + ", path: " + folder.path() + "/program.pt}");
         EXPECT_EQ(count(model, "weight"), 1);
       }},
  };

 private:
  static void stem(const std::string& type) {
    EXPECT_EQ(make("{type: " + type + ", stem: small}")->named_parameters()["conv1.weight"].size(3), 3);
    EXPECT_EQ(make("{type: " + type + "}")->named_parameters()["conv1.weight"].size(3), 7);
  }
};

TEST_F(AllModels, HaveEachOfTheirKeysInYaml) {
  std::set<std::string> open;
  for (const auto& [key, check] : keys) open.insert(key);
  configs::tables::for_each_type(configs::tables::NamedModels(), [&]<class T>(T) {
    for (const auto& key : configs::tables::describe<T>().keys) {
      const std::string path = std::string(T::kName) + "." + key.name;
      EXPECT_EQ(open.erase(path), 1U) << path << " is in no test";
      if (keys.contains(path)) keys[path](std::string(T::kName));
    }
  });
  EXPECT_TRUE(open.empty()) << *open.begin() << " is no key";
}

TEST_F(AllModels, AreMadeOfTheirNameAloneForTheData) {
  configs::tables::for_each_type(configs::tables::NamedModels(), [&]<class T>(T) {
    if constexpr (!std::is_same_v<T, configs::tables::TorchScript>) {
      constexpr bool kTakesVectors = std::is_same_v<T, configs::tables::Mlp>;
      const auto model = make(std::string(T::kName), kTakesVectors ? kVectors : kFacts);
      model->eval();
      const auto logits =
          model.forward(kTakesVectors ? torch::rand({2, kVectors.features}) : torch::rand({2, 1, 32, 64}));
      EXPECT_EQ(logits.size(0), 2) << T::kName;
      EXPECT_EQ(logits.size(1), kFacts.classes) << T::kName;
    }
  });
}

TEST(ModelTypes, NameTheNearestTypeAndKey) {
  EXPECT_THAT(refusal("resnet19"), HasSubstr("did you mean resnet18?"));
  EXPECT_THAT(refusal("{type: resnet18, stm: small}"), HasSubstr("did you mean stem?"));
  EXPECT_THAT(refusal("{type: resnet18, stem: smal}"), HasSubstr("model.stem"));
  EXPECT_THAT(refusal("{widths: [4]}"), HasSubstr("type"));
}

TEST(ModelTypes, SayWhereAndWhatIsWrongForTheData) {
  EXPECT_THAT(refusal("{type: small_cnn, widths: [1, 1, 1, 1, 1, 1]}"),
              StartsWith("run.yaml:1:34: model.widths: halving pictures of 32 pixels 6 times leaves nothing"));
  EXPECT_THAT(refusal("{type: unet, widths: [1, 1, 1, 1, 1, 1, 1]}"),
              HasSubstr("halving pictures of 32 pixels 6 times"));
  EXPECT_THAT(refusal("{type: unet, widths: []}"), HasSubstr("expected at least one number of channels"));
  EXPECT_THAT(refusal("{type: vit_tiny, patch_size: 12}"), HasSubstr("height: 32 is no multiple of patch_size"));
  EXPECT_THAT(refusal("{type: torch_script, path: none.pt}"), HasSubstr("cannot read 'none.pt'"));
}

TEST(ModelTypes, ArePicturesModelsOrVectorsModels) {
  for (const char* model : {"small_cnn", "resnet18", "resnet50", "vit_tiny", "unet"})
    EXPECT_THAT(refusal(model, kVectors),
                HasSubstr("model: is for pictures, and the samples are vectors of 7; take mlp"));
  EXPECT_THAT(refusal("mlp"),
              HasSubstr("model: is for vectors, and the samples are pictures of 1x32x64; take small_cnn"));
  EXPECT_THAT(refusal("mlp", {.classes = 5}), HasSubstr("neither pictures nor vectors; take torch_script"));
}

TEST(ModelTypes, TryAProgramWithVectorsWhereSamplesAreSome) {
  const test::Directory folder;
  const std::string path = folder.path() + "/program.pt";
  torch::jit::Module program("program");
  program.register_parameter("weight", torch::zeros({5, 7}), false);
  program.define("def forward(self, x):\n  return torch.matmul(x, self.weight.t())\n");
  program.save(path);
  const std::string yaml = "{type: torch_script, path: " + path + "}";
  EXPECT_EQ(make(yaml, kVectors).forward(torch::rand({2, 7})).size(1), 5);
  EXPECT_THAT(refusal(yaml, {.classes = 5, .features = 6}), HasSubstr("the program fails for vectors of 6"));
  EXPECT_EQ(refusal(yaml, {.classes = 5}), "no error") << "what else samples are is seen with a batch";
}

TEST(ModelTypes, TryWhetherAProgramIsForTheData) {
  const test::Directory folder;
  const std::string path = folder.path() + "/program.pt";
  write_program(path, 3);
  EXPECT_THAT(refusal("{type: torch_script, path: " + path + "}"),
              HasSubstr("makes [2, 3] of two samples; for these data it has to begin with [2, 5]"));
  torch::jit::Module program("program");
  program.define("def forward(self, x):\n  return x.view([-1, 7])\n");
  program.save(path);
  EXPECT_THAT(refusal("{type: torch_script, path: " + path + "}"),
              HasSubstr("the program fails for pictures of 1x32x64"));
}

struct OwnNet : torch::nn::Module {
  explicit OwnNet(int64_t classes) : fc(register_module("fc", torch::nn::Linear(1, classes))) {}
  torch::Tensor forward(const torch::Tensor& pictures) { return fc(pictures.mean({2, 3})); }
  torch::nn::Linear fc;
};

TEST(ModelTypes, TakeAProgramsOwnModel) {
  ModelTypes types;
  types.add("own",
            [](const configs::Node&, const ModelFacts& facts) { return std::make_shared<OwnNet>(facts.classes); });
  EXPECT_EQ(types.make(section("own"), kFacts).forward(torch::rand({2, 1, 32, 64})).size(1), kFacts.classes);
  EXPECT_THAT(test::error_of<configs::ConfigError>([&] { types.make(section("owm"), kFacts); }),
              HasSubstr("did you mean own?"));
}

TEST(ModelTypes, GiveAnOwnMakerItsKeys) {
  ModelTypes types;
  types.add("own", [](const configs::Node& model, const ModelFacts&) {
    configs::Section keys(model);
    keys.find("type");
    const int64_t outputs = keys.integer("outputs", 2, 1);
    keys.finish();
    return std::make_shared<OwnNet>(outputs);
  });
  const auto outputs = [&](const std::string& yaml) {
    return types.make(section(yaml), kFacts).forward(torch::rand({2, 1, 32, 64})).size(1);
  };
  EXPECT_EQ(outputs("own"), 2);
  EXPECT_EQ(outputs("{type: own, outputs: 9}"), 9);
  EXPECT_THAT(test::error_of<configs::ConfigError>([&] { outputs("{type: own, outpts: 9}"); }),
              HasSubstr("did you mean outputs?"));
}

struct OwnKeys {
  int64_t outputs = 2;

  static constexpr std::string_view kName = "own";
  static constexpr std::string_view kMakes = "OwnNet";
  static constexpr std::string_view kAbout = "A linear layer.";
  static constexpr auto keys() {
    return configs::tables::list(configs::tables::key("outputs", &OwnKeys::outputs, "How many.").at_least(1));
  }
};

TEST(ModelTypes, ReadTheKeysOfAnOwnModel) {
  ModelTypes types;
  types.add<OwnKeys>([](const OwnKeys& keys, const ModelFacts&) { return std::make_shared<OwnNet>(keys.outputs); });
  EXPECT_EQ(types.make(section("{type: own, outputs: 9}"), kFacts).forward(torch::rand({2, 1, 32, 64})).size(1), 9);
  EXPECT_THAT(test::error_of<configs::ConfigError>([&] { types.make(section("{type: own, outputs: 0}"), kFacts); }),
              HasSubstr("must be at least 1"));
  ASSERT_EQ(types.own().size(), 1U);
  EXPECT_EQ(types.own().front().description.keys.front().default_value, "2");
}

TEST(ModelTypes, RefuseANameThatIsTaken) {
  const auto make = [](const configs::Node&, const ModelFacts&) { return std::make_shared<OwnNet>(2); };
  EXPECT_THROW(ModelTypes().add("unet", make), std::logic_error);
  EXPECT_THROW(ModelTypes().add("own", make).add("own", make), std::logic_error);
}

}  // namespace
}  // namespace millrace::training::model_types_test
