// A model is tried before its first step, and nothing is changed by that.
#include "millrace/training/trial.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "millrace/configs/build.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/settings.h"

namespace millrace::training::trial_test {
namespace {

using ::testing::HasSubstr;

// Pictures of two classes, and what is made of a run on them.
class Trial : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"cat", "dog"})
      for (const char* picture : {"1.ppm", "2.ppm", "3.ppm"})
        folder_.write(std::string(name) + "/" + picture, "P6 16 16 255\n" + std::string(16 * 16 * 3, *name));
  }

  // Makes all of the run with that model and tries it; `after` sees the learner when it has been.
  template <class After>
  void try_run(const std::string& model, int batch_size, After after) {
    const configs::Node run(configs::parse("dataset: {type: image_folder, root: " + folder_.path() +
                                               "}\nloader: {batch_size: " + std::to_string(batch_size) +
                                               "}\ndevice: cpu\nmodel: " + model + "\n",
                                           "run.yaml"));
    const Settings settings = read_settings(run);
    const configs::DatasetTypes types;
    const Split split = open_split(run, {c10::kCPU, settings.run.seed, /*shuffle=*/true, &types});
    const auto task = make_task(run, settings, split);
    const Learner learner = make_learner(run, settings, split.spec, task->outputs(), ModelTypes());
    NamedTensors buffers;
    for (const auto& buffer : learner.model->named_buffers()) buffers.push_back({buffer.key(), buffer->clone()});
    const auto random = random_states(c10::kCPU);
    try_model(run, learner, *task, split);
    after(learner, buffers, random);
  }

  std::string error_of(const std::string& model, int batch_size = 2) {
    return test::error_of([&] { try_run(model, batch_size, [](auto&&...) {}); });
  }

 private:
  test::Directory folder_;
};

TEST_F(Trial, LeavesBuffersAndRandomNumbersAsTheyWere) {
  try_run("resnet18", 2, [](const Learner& learner, const NamedTensors& buffers, const NamedTensors& random) {
    ASSERT_FALSE(buffers.empty());
    for (const auto& [name, before] : buffers)
      EXPECT_TRUE(at::equal(learner.model->named_buffers()[name], before)) << name;
    const auto now = random_states(c10::kCPU);
    ASSERT_EQ(now.size(), random.size());
    for (size_t i = 0; i < now.size(); ++i) EXPECT_TRUE(at::equal(now[i].tensor, random[i].tensor));
  });
}

TEST_F(Trial, NamesTheModelsThatFitTheTask) {
  EXPECT_EQ(error_of("{type: small_cnn, widths: [4]}"), "no error");
  EXPECT_THAT(error_of("{type: unet, widths: [4, 8]}"), HasSubstr("model: "));
  EXPECT_THAT(error_of("{type: unet, widths: [4, 8]}"), HasSubstr("take small_cnn, resnet18"));
}

TEST_F(Trial, SaysThatALastBatchOfOneSampleIsTooSmall) {
  EXPECT_EQ(error_of("resnet18", 4), "no error");
  EXPECT_THAT(error_of("resnet18", 5), HasSubstr("set drop_last: true, or another batch_size"));
}

}  // namespace
}  // namespace millrace::training::trial_test
