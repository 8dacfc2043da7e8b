// What a trainer goes through, of a run's file.
#include "millrace/training/trainer_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/configs/build.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::training::trainer_parts_test {
namespace {

using ::testing::HasSubstr;

// Six pictures of two classes.
class Parts : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"cat", "dog"})
      for (const char* picture : {"1.ppm", "2.ppm", "3.ppm"})
        folder_.write(std::string(name) + "/" + picture, "P6 16 16 255\n" + std::string(16 * 16 * 3, *name));
  }

  // Makes all of a run with these sections, and what `of` makes of its parts and its loader.
  template <class Of>
  auto made(const std::string& more, Of of) {
    const configs::Node run(configs::parse(
        "dataset: {type: image_folder, root: " + folder_.path() +
            "}\ndevice: cpu\nmodel: {type: small_cnn, widths: [4]}\noptimizer: adamw\nschedule: cosine\n" + more + "\n",
        "run.yaml"));
    const Settings settings = read_settings(run);
    const configs::DatasetTypes types;
    const Split split = open_split(run, {c10::kCPU, settings.run.seed, /*shuffle=*/true, &types});
    const auto task = make_task(run, settings, split);
    const Learner learner = make_learner(run, settings, split.spec, task->outputs(), ModelTypes());
    return of(make_trainer_parts(run, settings, *task, learner, split), *split.loader);
  }

 private:
  test::Directory folder_;
};

TEST_F(Parts, TheScheduleHasAsManyStepsAsThereWillBe) {
  const auto plan = made("loader: {batch_size: 2}\ngradients: {accumulate: 2}\nepochs: 3",
                         [](const TrainerParts& parts, const DataLoader&) { return parts.plan; });
  EXPECT_EQ(plan.steps_per_epoch, 2) << "of three batches, the last one by itself";
  EXPECT_EQ(plan.steps, 6);
}

TEST_F(Parts, AnEpochWithoutABatchIsAnError) {
  EXPECT_THAT(test::error_of([&] { made("loader: {batch_size: 7, drop_last: true}", [](auto&&...) {}); }),
              HasSubstr("loader: an epoch has no batch: drop_last drops the only one"));
}

TEST_F(Parts, WorkersHaveTheProcessorsThatTheTrainerLeavesThem) {
  const auto threads = [&](int workers) {
    return made("loader: {batch_size: 2, num_workers: " + std::to_string(workers) + "}",
                [](const TrainerParts&, const DataLoader& loader) { return trainer_threads(loader); });
  };
  EXPECT_EQ(threads(0), processors().usable());
  EXPECT_EQ(threads(processors().usable()), 1) << "one at least";
}

}  // namespace
}  // namespace millrace::training::trainer_parts_test
