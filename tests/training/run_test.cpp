// The parts of a run together, on tensors that the test makes: what is learned follows from the samples, and is
// learned.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sample_row.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/npy.h"
#include "millrace/training/data.h"
#include "millrace/training/defaults.h"
#include "millrace/training/evaluate.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/settings.h"
#include "millrace/training/trainer.h"

namespace millrace::training::run_test {
namespace {

using testing::HasSubstr;

// Dark pictures with a bright square somewhere, and the mask of that square.
struct Squares {
  int64_t count = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }

  size_t size() const { return static_cast<size_t>(count); }
  SampleSpec spec() const { return {{"image", at::kByte, {1, 16, 16}}, {"mask", at::kByte, {1, 16, 16}}}; }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    SampleRng rng(i);
    const int64_t left = rng.integer(1, 8), top = rng.integer(1, 8), side = rng.integer(4, 7);
    const auto image = row.span<uint8_t>("image"), mask = row.span<uint8_t>("mask");
    for (int64_t y = 0; y < 16; ++y)
      for (int64_t x = 0; x < 16; ++x) {
        const bool inside = x >= left && x < left + side && y >= top && y < top + side;
        const auto at = static_cast<size_t>(16 * y + x);
        image[at] = static_cast<uint8_t>(rng.integer(0, 80) + (inside ? 120 : 0));
        mask[at] = inside ? 1 : 0;
      }
  }
};

// Pictures of one gray, which is to be guessed as a number.
struct Grays {
  int64_t count = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }

  size_t size() const { return static_cast<size_t>(count); }
  SampleSpec spec() const { return {{"image", at::kByte, {1, 8, 8}}, {"label", at::kFloat, {}}}; }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    const auto gray = static_cast<uint8_t>(i * 37 % 256);
    for (auto& pixel : row.span<uint8_t>("image")) pixel = gray;
    row.set<float>("label", static_cast<float>(gray) / 255);
  }
};

configs::DatasetTypes types() {
  configs::DatasetTypes types;
  types.add("squares", [](const configs::Node&, const auto&) { return Squares{128}; });
  types.add("grays", [](const configs::Node&, const auto&) { return Grays{128}; });
  return types;
}

configs::Node run_of(const std::string& yaml) {
  return configs::Node(with_defaults(configs::parse(yaml, "run.yaml"), 2));
}

// What a run of these settings has measured at its end.
std::vector<Measure> measures_after(const std::string& yaml, int epochs) {
  const auto run = run_of(yaml);
  const auto known = types();
  const Settings settings = read_settings(run);
  const LoadingOptions loading{c10::kCPU, settings.run.seed, true, &known};
  Split split = open_split(run, loading);
  const auto task = make_task(run, settings, split);
  torch::manual_seed(1);
  const auto& shape = split.spec.fields.front().shape;
  Learner learner{ModelTypes().make(run["model"], {shape[0], shape[1], shape[2], task->outputs()}),
                  {c10::kCPU, std::nullopt, make_normalize(run, settings.normalize, shape[0], std::nullopt)}};
  TrainerParts parts;
  parts.task = task.get();
  parts.optimizer = read_optimizer(run["optimizer"], learner.model->parameters());
  parts.schedule = read_schedule(run["schedule"]);
  parts.plan = {0, epochs * split.loader->size(), split.loader->size()};
  Trainer trainer(learner, std::move(parts));
  Position position;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    EXPECT_TRUE(trainer.epoch(split, position, {}));
    position.epoch = epoch + 1;
    position.batches = 0;
  }
  return evaluate(learner, *task, split, [](int64_t) { return true; })->evaluation->measures();
}

std::string error_of(const std::string& yaml) {
  try {
    measures_after(yaml, 1);
    return "";
  } catch (const configs::ConfigError& error) {
    return error.what();
  }
}

TEST(Run, LearnsMasks) {
  const auto measures = measures_after(
      "{dataset: {type: squares}, classes: 2, model: {type: unet, widths: [8, 16]}, optimizer: {type: adamw, lr: "
      "0.01}, "
      "loader: {batch_size: 16, num_workers: 0}}",
      6);
  EXPECT_EQ(measures.front().name, "mean_iou");
  EXPECT_GE(measures.front().value, 0.8);
}

TEST(Run, LearnsNumbers) {
  const auto measures = measures_after(
      "{dataset: {type: grays}, model: {type: small_cnn, widths: [8]}, optimizer: {type: adamw, lr: 0.02}, "
      "loader: {batch_size: 16, num_workers: 0}}",
      8);
  EXPECT_EQ(measures.front().name, "l1");
  EXPECT_LE(measures.front().value, 0.1);
}

TEST(Run, EvaluationTellsAfterEachBatchHowManySamplesAreDoneAndEndsWhereItIsToldTo) {
  const auto run = run_of(
      "{dataset: {type: grays}, model: {type: small_cnn, widths: [4]}, loader: {batch_size: 48, num_workers: 0}}");
  const auto known = types();
  const Settings settings = read_settings(run);
  Split split = open_split(run, {c10::kCPU, settings.run.seed, true, &known});
  const auto task = make_task(run, settings, split);
  Learner learner = make_learner(run, settings, split.spec, task->outputs(), ModelTypes());
  std::vector<int64_t> told;
  const auto verdict = evaluate(learner, *task, split, [&](int64_t done) {
    told.push_back(done);
    return true;
  });
  EXPECT_EQ(told, (std::vector<int64_t>{48, 96, 128}));
  EXPECT_EQ(verdict->samples, 128);
  told.clear();
  split.loader->set_epoch(1);
  EXPECT_FALSE(evaluate(learner, *task, split, [&](int64_t done) {
    told.push_back(done);
    return done < 96;
  }));
  EXPECT_EQ(told, (std::vector<int64_t>{48, 96}));
}

TEST(Run, EvaluationTellsWhichSamplesHaveNumbersThatAreNotFinite) {
  const test::Directory folder;
  folder.write("x.npy", test::npy_of_floats("4, 2", {1, 2, 3, NAN, 5, 6, INFINITY, 8}));
  folder.write("y.npy", test::npy_of_floats("4,", {1, 2, 3, 4}));
  const auto run =
      run_of("{dataset: {type: npy, paths: [" + folder.path() + "/x.npy, " + folder.path() +
             "/y.npy], names: [x, y]}, model: {type: mlp}, loader: {batch_size: 3, num_workers: 0, shuffle: "
             "false}}");
  const configs::DatasetTypes known;
  const Settings settings = read_settings(run);
  Split split = open_split(run, {c10::kCPU, settings.run.seed, false, &known});
  const auto task = make_task(run, settings, split);
  Learner learner = make_learner(run, settings, split.spec, task->outputs(), ModelTypes());
  const auto verdict = evaluate(learner, *task, split, [](int64_t) { return true; });
  EXPECT_EQ(verdict->not_finite.samples, 2);
  EXPECT_EQ(verdict->not_finite.text(),
            "2 samples have NaN or infinite numbers, the first is sample 1 ('" + folder.path() + "/x.npy[1]')");
}

TEST(Run, SaysWhatIsMissingForATask) {
  EXPECT_THAT(error_of("{dataset: {type: squares}}"), HasSubstr("set the key 'classes' beside 'dataset'"));
  EXPECT_THAT(
      error_of("{dataset: {type: grays}, task: classification}"),
      HasSubstr("run.yaml:1:32: task: samples are image: Byte [1, 8, 8], label: Float [], which is regression"));
  EXPECT_THAT(error_of("{dataset: {type: grays}, normalize: {mean: [0, 0]}}"),
              HasSubstr("normalize.mean: expected 1 number, found 2"));
  EXPECT_THAT(error_of("{dataset: {type: grays}, loader: {device: cpu}}"),
              HasSubstr("loader.device: training has one"));
}

}  // namespace
}  // namespace millrace::training::run_test
