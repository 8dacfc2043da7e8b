// Each key of the sections that say how a model learns changes what it learns: none is read and forgotten.
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/yaml.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/sample_row.h"
#include "millrace/training/data.h"
#include "millrace/training/defaults.h"
#include "millrace/training/learner.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/settings.h"
#include "millrace/training/trainer.h"
#include "millrace/training/trainer_parts.h"

namespace millrace::training::every_key_test {
namespace {

// Noisy pictures, each with a number or a class of two that follows from how bright it is.
struct Noise {
  bool has_classes = false;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(has_classes);
  }

  size_t size() const { return 16; }
  SampleSpec spec() const {
    return {{"image", at::kByte, {1, 8, 8}}, {"label", has_classes ? at::kLong : at::kFloat, {}}};
  }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    SampleRng rng(i);
    for (auto& pixel : row.span<uint8_t>("image")) pixel = static_cast<uint8_t>(rng.integer(0, 100) + 10 * i);
    if (has_classes)
      row.set<int64_t>("label", i / 8);
    else
      row.set<float>("label", static_cast<float>(i) / 4);
  }
};

configs::DatasetTypes datasets() {
  configs::DatasetTypes types;
  types.add("classes", [](const configs::Node&, const auto&) { return Noise{true}; });
  types.add("numbers", [](const configs::Node&, const auto&) { return Noise{false}; });
  return types;
}

// Without means over a batch, so that batches may be cut in two.
struct Linear : torch::nn::Module {
  explicit Linear(int64_t outputs) : fc(register_module("fc", torch::nn::Linear(64, outputs))) {}
  torch::Tensor forward(const torch::Tensor& pictures) { return fc(pictures.flatten(1)); }
  torch::nn::Linear fc;
};

// The weights, or their averages where the run has some, after all epochs.
at::Tensor weights_after(const std::string& yaml) {
  const configs::Node run(with_defaults(configs::parse("{" + yaml + ", device: cpu}", "run.yaml"), 2));
  const auto known = datasets();
  ModelTypes models;
  models.add("linear",
             [](const configs::Node&, const ModelFacts& facts) { return std::make_shared<Linear>(facts.classes); });
  const Settings settings = read_settings(run);
  Split split = open_split(run, {c10::kCPU, settings.run.seed, true, &known});
  const auto task = make_task(run, settings, split);
  Learner learner = make_learner(run, settings, split.spec, task->outputs(), models);
  Trainer trainer(learner, make_trainer_parts(run, settings, *task, learner, split));
  Position position;
  for (int64_t epoch = 0; epoch < settings.run.epochs; ++epoch) {
    EXPECT_TRUE(trainer.epoch(split, position, {}));
    position.epoch = epoch + 1;
    position.batches = 0;
  }
  const Ema::InPlace averages(trainer.ema());
  std::vector<at::Tensor> all;
  for (const auto& weight : learner.model->parameters()) all.push_back(weight.detach().flatten());
  return at::cat(all).clone();
}

std::string run_of(const std::string& dataset, const std::string& more) {
  const std::string classes = dataset == "classes" ? "classes: 2, " : "";
  return classes + "dataset: {type: " + dataset +
         "}, model: linear, loader: {batch_size: 4, num_workers: 0}, epochs: 3" + (more.empty() ? "" : ", " + more);
}

// Two configurations between which one key differs.
struct Pair {
  std::string without, with;
  std::string dataset = "classes";
};

const std::map<std::string, Pair> kPairs = {
    {"normalize.mean", {"normalize: {std: [0.5]}", "normalize: {mean: [0.1], std: [0.5]}"}},
    {"normalize.std", {"normalize: {mean: [0.5]}", "normalize: {mean: [0.5], std: [0.1]}"}},
    {"loss.label_smoothing", {"", "loss: {label_smoothing: 0.2}"}},
    {"loss.of_pictures", {"", "loss: {of_pictures: mse}", "numbers"}},
    {"mix.mixup", {"", "mix: {mixup: 0.4}"}},
    {"mix.cutmix", {"", "mix: {cutmix: 1}"}},
    {"mix.probability", {"mix: {mixup: 0.4}", "mix: {mixup: 0.4, probability: 0.5}"}},
    {"ema.decay", {"ema: {decay: 0.5}", "ema: {decay: 0.9}"}},
    {"gradients.clip", {"optimizer: sgd", "optimizer: sgd, gradients: {clip: 0.001}"}},
    {"gradients.accumulate", {"", "gradients: {accumulate: 2}"}},
    {"optimizer.sgd.lr", {"optimizer: {type: sgd}", "optimizer: {type: sgd, lr: 0.01}"}},
    {"optimizer.sgd.momentum", {"optimizer: {type: sgd}", "optimizer: {type: sgd, momentum: 0.5}"}},
    {"optimizer.sgd.nesterov", {"optimizer: {type: sgd}", "optimizer: {type: sgd, nesterov: true}"}},
    {"optimizer.sgd.weight_decay", {"optimizer: {type: sgd}", "optimizer: {type: sgd, weight_decay: 0.1}"}},
    {"optimizer.adam.lr", {"optimizer: {type: adam}", "optimizer: {type: adam, lr: 0.01}"}},
    {"optimizer.adam.weight_decay", {"optimizer: {type: adam}", "optimizer: {type: adam, weight_decay: 0.1}"}},
    {"optimizer.adam.betas", {"optimizer: {type: adam}", "optimizer: {type: adam, betas: [0.5, 0.9]}"}},
    {"optimizer.adam.eps", {"optimizer: {type: adam}", "optimizer: {type: adam, eps: 0.1}"}},
    {"optimizer.adamw.lr", {"optimizer: {type: adamw}", "optimizer: {type: adamw, lr: 0.01}"}},
    {"optimizer.adamw.weight_decay", {"optimizer: {type: adamw}", "optimizer: {type: adamw, weight_decay: 0.5}"}},
    {"optimizer.adamw.betas", {"optimizer: {type: adamw}", "optimizer: {type: adamw, betas: [0.5, 0.9]}"}},
    {"optimizer.adamw.eps", {"optimizer: {type: adamw}", "optimizer: {type: adamw, eps: 0.1}"}},
    {"schedule.constant.warmup_epochs", {"schedule: constant", "schedule: {type: constant, warmup_epochs: 1}"}},
    {"schedule.cosine.last", {"schedule: cosine", "schedule: {type: cosine, last: 0.5}"}},
    {"schedule.cosine.warmup_epochs", {"schedule: cosine", "schedule: {type: cosine, warmup_epochs: 1}"}},
    {"schedule.step.epochs", {"schedule: {type: step, epochs: [1]}", "schedule: {type: step, epochs: [2]}"}},
    {"schedule.step.factor",
     {"schedule: {type: step, epochs: [1]}", "schedule: {type: step, epochs: [1], factor: 0.5}"}},
    {"schedule.step.warmup_epochs",
     {"schedule: {type: step, epochs: [2]}", "schedule: {type: step, epochs: [2], warmup_epochs: 1}"}},
    {"schedule.one_cycle.first", {"schedule: one_cycle", "schedule: {type: one_cycle, first: 0.5}"}},
    {"schedule.one_cycle.last", {"schedule: one_cycle", "schedule: {type: one_cycle, last: 0.5}"}},
    {"schedule.one_cycle.rise", {"schedule: one_cycle", "schedule: {type: one_cycle, rise: 0.6}"}},
};

// "ema.decay" of a section that is one thing, "optimizer.sgd.lr" of one whose keys depend on its type.
std::set<std::string> keys_in_tables() {
  const std::set<std::string> sections{"normalize", "loss", "mix", "ema", "gradients", "optimizer", "schedule"};
  std::set<std::string> keys;
  for (const auto& section : configs::tables::describe_sections()) {
    if (!sections.contains(section.name)) continue;
    for (const auto& entry : section.entries)
      for (const auto& key : entry.keys)
        keys.insert(section.name + (is_one_thing(section) ? "" : "." + entry.name) + "." + key.name);
  }
  return keys;
}

TEST(EveryKey, ChangesWhatIsLearned) {
  std::set<std::string> tried;
  for (const auto& [key, pair] : kPairs) {
    tried.insert(key);
    const auto without = weights_after(run_of(pair.dataset, pair.without));
    EXPECT_TRUE(without.equal(weights_after(run_of(pair.dataset, pair.without)))) << "the same run differs: " << key;
    EXPECT_FALSE(without.equal(weights_after(run_of(pair.dataset, pair.with)))) << key << " changes nothing";
  }
  EXPECT_EQ(tried, keys_in_tables());
}

TEST(EveryKey, AccumulatedGradientsAreThoseOfTheBatchesTogether) {
  const std::string run =
      "classes: 2, dataset: {type: classes}, model: linear, epochs: 2, optimizer: {type: sgd, lr: 0.05}, ";
  const auto whole = weights_after(run + "loader: {batch_size: 4, num_workers: 0}");
  const auto halves = weights_after(run + "loader: {batch_size: 2, num_workers: 0}, gradients: {accumulate: 2}");
  EXPECT_TRUE(at::allclose(whole, halves, 1e-4, 1e-6));
}

}  // namespace
}  // namespace millrace::training::every_key_test
