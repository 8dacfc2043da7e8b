// Settings with which `millrace train` cannot begin: `--validate` and training itself say the same of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::train_settings_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Settings in place of the file's, as words of a shell, and what is said of them.
struct Wrong {
  std::string settings;
  std::string error;
};

class TrainSettings : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"dress", "hat"}) {
      int count = 0;
      for (const auto& entry : fs::directory_iterator(fs::path(test::data("photos")) / name))
        if (count++ < 4)
          folder_.copy("photos/" + name + "/" + entry.path().filename().string(),
                       "photos/" + name + "/" + std::to_string(count) + ".jpg");
    }
    folder_.write("run.yaml",
                  "dataset: {type: image_folder, root: photos}\n"
                  "transforms: [resize: {size: [32, 32]}]\n"
                  "loader: {batch_size: 4, num_workers: 1}\n"
                  "model: {type: small_cnn, widths: [4]}\n"
                  "epochs: 1\n"
                  "device: cpu\n");
  }

  test::Ended train(const std::string& arguments) const {
    return test::run_in(folder_.path(), "'" + test::built("apps/millrace") + "' train " + arguments);
  }

  static std::string first_error(const test::Ended& ended) {
    for (const std::string& line : test::lines_of(ended.err))
      if (line.starts_with("millrace: ")) return line;
    return "";
  }

  // Expects one error of training, before it begins, and of the validation.
  void expect_refused(const std::string& begin, const Wrong& wrong) const {
    const auto validated = train(begin + " " + wrong.settings + " --validate"),
               trained = train(begin + " " + wrong.settings);
    EXPECT_EQ(trained.exit_code, 2) << wrong.settings << ": " << trained.out << trained.err;
    EXPECT_EQ(validated.exit_code, 2) << wrong.settings << ": " << validated.err;
    EXPECT_THAT(trained.err, HasSubstr(wrong.error)) << wrong.settings;
    EXPECT_EQ(first_error(trained), first_error(validated)) << wrong.settings;
  }

  void expect_refused(const std::vector<Wrong>& all) const {
    for (const Wrong& wrong : all) expect_refused("run.yaml", wrong);
    EXPECT_FALSE(fs::exists(folder_.path() + "/runs")) << "a run's directory was made";
  }

  test::Directory folder_;
};

TEST_F(TrainSettings, OfALoaderThatCannotBeMadeAreRefusedByTrainingAndValidation) {
  expect_refused({
      {"sampler=random loader.shuffle=true", "sampler: loader.shuffle says an order too"},
      {"collate=pad", "collate: samples of this type of dataset need none"},
      {"'sampler={type: sequence, indices: [99]}'", "99"},
      {"'sampler={type: weighted_random, weights: [1]}'", "weights"},
      {"'sampler={type: random, num_samples: 0}'", "num_samples"},
      {"loader.batch_size=9 loader.drop_last=true", "loader: an epoch has no batch"},
  });
}

TEST_F(TrainSettings, ThatTheDataContradictAreRefusedByTrainingAndValidation) {
  expect_refused({
      {"task=segmentation", "task: samples are image: Byte [3, 32, 32], label: Long [], which is classification"},
      {"classes=1", "classes: the dataset has 2 classes, found 1"},
      {"'normalize.mean=[0.5, 0.5]'", "normalize.mean: expected 1 number, or one for each of the 3 channels"},
      {"'normalize.std=[0]'", "normalize.std: must be positive"},
      {"'test={dataset: {type: image_folder, root: photos}, transforms: [resize: {size: [8, 8]}]}'",
       "give both splits transforms of one size"},
  });
}

TEST_F(TrainSettings, OfAModelThatDoesNotFitAreRefusedByTrainingAndValidation) {
  expect_refused({
      {"'model.widths=[]'", "model.widths: expected at least one number of channels"},
      {"'model.widths=[-3]'", "model.widths: "},
      {"'model={type: vit_tiny, patch_size: 15}'", "model: height: 32 is no multiple of patch_size"},
      {"model=unet",
       "model: makes [2, 2, 32, 32] of a batch of [2, 3, 32, 32], where classification expects [2, 2]; take small_cnn"},
      {"'dataset={type: image_pairs, data: photos/hat, target: photos/hat}'",
       "model: makes [2, 3] of a batch of [2, 3, 32, 32], where regression expects [2, 3, 32, 32]; take unet"},
      {"model=resnet18 loader.batch_size=7", "loader: the last batch has one sample, of which this model cannot learn"},
      {"'model={type: torch_script, path: run.yaml}'", "it holds no program of torch.jit; torch.jit.script"},
  });
}

TEST_F(TrainSettings, OfWhatTrainingTakesAreRefusedByTrainingAndValidation) {
  expect_refused({
      {"device=gpu", "device: expected auto, cpu, cuda"},
      {"device=cuda:99", "device: "},
      {"weights.from=nosuch.pt", "weights.from: "},
      {"'optimizer={type: adam, betas: [2]}'", "optimizer.betas: expected two numbers"},
      {"output=/proc/x", "output: cannot make the run directory in '/proc/x'"},
      {"output=run.yaml", "run.yaml' is a file, where the folder of runs would be"},
      {"output=run.yaml/deeper", "run.yaml' is a file, where the folder of runs would be"},
      {"mix.mixup=0.2 task=regression", "mix: is for classification"},
      {"loss.label_smoothing=0.1 task=regression", "loss.label_smoothing: is for classes"},
      {"'schedule={type: step, epochs: [4, 2]}'",
       "schedule.epochs: expected epochs from 0 on, each later than the one"},
      {"'schedule={type: step, epochs: [-1]}'", "schedule.epochs: expected epochs from 0 on"},
  });
}

TEST_F(TrainSettings, OfFewerClassesThanLabelsHaveAreRefusedWithTheSample) {
  folder_.write("list.csv",
                "path,label\nphotos/dress/1.jpg,0\nphotos/dress/2.jpg,1\nphotos/hat/1.jpg,9\nphotos/hat/2.jpg,0\n");
  const Wrong wrong{"'dataset={type: image_manifest, path: list.csv}' classes=2",
                    "command line 'classes=2': classes: sample 2 ('photos/hat/1.jpg') has 9 in the field label, where "
                    "classes are 0 to 1; set classes: 10 or more, or change that number"};
  expect_refused("run.yaml", wrong);
}

TEST_F(TrainSettings, OfFewerClassesThanLabelsOfTheTestSplitHaveAreRefusedWithTheSample) {
  folder_.write("list.csv", "path,label\nphotos/dress/1.jpg,0\nphotos/hat/1.jpg,1\n");
  folder_.write("test.csv", "path,label\nphotos/dress/1.jpg,0\nphotos/hat/1.jpg,9\n");
  const std::string settings =
      "run.yaml classes=2 'dataset={type: image_manifest, path: list.csv}' "
      "'test={dataset: {type: image_manifest, path: test.csv}, transforms: [resize: {size: [32, 32]}]}'";
  const std::string error = "sample 1 ('photos/hat/1.jpg') has 9 in the field label, where classes are 0 to 1";
  EXPECT_THAT(first_error(train(settings + " --validate")), HasSubstr("classes: " + error));
  EXPECT_THAT(first_error(train(settings)), HasSubstr("classes: " + error)) << "before a step";
  // Nobody knows the labels of these before they are read.
  const std::string read =
      "run.yaml classes=2 'dataset={type: image_manifest, path: list.csv}' "
      "'test={dataset: {type: concat, datasets: [{type: image_manifest, path: test.csv}]}, transforms: [resize: {size: "
      "[32, 32]}]}'";
  EXPECT_THAT(first_error(train(read + " --validate")), HasSubstr("classes: " + error));
  EXPECT_THAT(first_error(train(read)), HasSubstr("testing: " + error));
}

TEST_F(TrainSettings, OfFewerClassesThanLabelsHaveAreRefusedFarBehindTheFirstBatch) {
  std::string list = "path,label\n";
  for (int i = 0; i < 100; ++i) list += "photos/hat/1.jpg," + std::to_string(i == 97 ? 2 : i % 2) + "\n";
  folder_.write("list.csv", list);
  const std::string manifest = "{type: image_manifest, path: list.csv}";
  const std::string error =
      "classes: sample 97 ('photos/hat/1.jpg') has 2 in the field label, where classes are 0 to 1";
  expect_refused("run.yaml", Wrong{"'dataset=" + manifest + "' classes=2", error});
  expect_refused("run.yaml", Wrong{"'dataset={type: subset, dataset: " + manifest + "}' classes=2", error});
}

TEST_F(TrainSettings, OfWeightsThatDoNotFitAreRefusedWithALineForEach) {
  ASSERT_EQ(train("run.yaml output=first").exit_code, 0);
  const auto ended = train("run.yaml weights.from=first/run/best.pt 'model={type: small_cnn, widths: [5]}'");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(first_error(ended), HasSubstr("weights: the weights do not fit the model; where the model is another"));
  EXPECT_THAT(ended.err, HasSubstr("\n  of another shape: '"));
}

TEST_F(TrainSettings, ThatARunKeepsAreRefusedWhereItGoesOn) {
  ASSERT_EQ(train("run.yaml").exit_code, 0);
  for (const Wrong& wrong : std::vector<Wrong>{
           {"optimizer=sgd", "optimizer.type: a run that goes on keeps optimizer.type, which is adamw and not sgd"},
           {"optimizer.weight_decay=0.5", "optimizer.weight_decay, which is 0.01 and not 0.5: what is there beside lr"},
           {"output=other", "output, which is runs and not other: the run has its directory; leave it out"},
           {"seed=3", "seed, which is 0 and not 3"},
           {"weights.from=runs/run/best.pt", "weights.from, which is nothing and not runs/run/best.pt"}})
    expect_refused("--resume runs/run epochs=2", wrong);
}

TEST_F(TrainSettings, OfOnePartOfASplitDoNotChangeAloneWhereARunGoesOn) {
  folder_.write("split.yaml",
                "dataset: {type: random_split, lengths: [0.5, 0.5], dataset: {type: image_folder, root: photos}}\n"
                "test: {dataset: {type: random_split, part: 1, lengths: '${dataset.lengths}', dataset: "
                "'${dataset.dataset}'}, transforms: '${transforms}'}\n"
                "transforms: [resize: {size: [32, 32]}]\n"
                "loader: {batch_size: 4}\nmodel: {type: small_cnn, widths: [4]}\nepochs: 1\ndevice: cpu\n");
  const auto begun = train("split.yaml");
  ASSERT_EQ(begun.exit_code, 0) << begun.err;
  const std::string error = "training and test are parts of one split, and would have samples in common: give both, ";
  expect_refused("--resume runs/split epochs=2",
                 {"dataset.seed=7", "dataset.seed: " + error + "dataset.seed=7 test.dataset.seed=7"});
  expect_refused("--resume runs/split epochs=2",
                 {"test.dataset.seed=7", "test.dataset.seed: " + error + "dataset.seed=7 test.dataset.seed=7"});
  expect_refused("--resume runs/split epochs=2",
                 {"'dataset.dataset={type: subset, dataset: {type: image_folder, root: photos}}'",
                  "dataset.dataset: " + error + "dataset.dataset.root and test.dataset.dataset.root"});
  const std::string lengths =
      "training and test are parts of one split, and a run that goes on keeps its lengths: for others, begin anew in "
      "another output";
  expect_refused("--resume runs/split epochs=2",
                 {"dataset.lengths.0=0.25 dataset.lengths.1=0.75", "dataset.lengths: " + lengths});
  expect_refused("--resume runs/split epochs=2",
                 {"test.dataset.part=0",
                  "test.dataset.part: training and test are the same part of one split; give test another part"});
  EXPECT_EQ(train("--resume runs/split epochs=2 dataset.seed=7 test.dataset.seed=7").exit_code, 0);
  fs::rename(folder_.path() + "/photos", folder_.path() + "/moved photos");
  EXPECT_THAT(first_error(train("--resume runs/split epochs=3 dataset.dataset.root='moved photos'")),
              HasSubstr("dataset.dataset.root: " + error +
                        "'dataset.dataset.root=moved photos' 'test.dataset.dataset.root=moved photos'"))
      << "before the old folder is looked for";
  EXPECT_EQ(train("--resume runs/split epochs=3 'dataset.dataset.root=moved photos' "
                  "'test.dataset.dataset.root=moved photos'")
                .exit_code,
            0);
}

TEST_F(TrainSettings, OfTheSamePartOfASplitForTrainingAndTestAreRefused) {
  folder_.write(
      "split.yaml",
      "dataset: {type: random_split, lengths: [0.5, 0.5], dataset: {type: image_folder, root: photos}}\n"
      "test: {dataset: {type: random_split, lengths: [0.5, 0.5], part: 0, dataset: {type: image_folder, root: "
      "photos}}, transforms: '${transforms}'}\n"
      "transforms: [resize: {size: [32, 32]}]\n"
      "loader: {batch_size: 4}\nmodel: {type: small_cnn, widths: [4]}\nepochs: 1\ndevice: cpu\n");
  const std::string error =
      "test.dataset.part: training and test are the same part of one split; give test another part";
  expect_refused("split.yaml", {"", error});
  expect_refused("split.yaml", {"dataset.part=1 test.dataset.part=1", error});
  EXPECT_FALSE(fs::exists(folder_.path() + "/runs")) << "a run's directory was made";
  for (const char* other : {"test.dataset.part=1", "test.dataset.seed=7"})
    EXPECT_EQ(train(std::string("split.yaml --validate ") + other).exit_code, 0) << other;
}

TEST_F(TrainSettings, OfARunWithABestButNoLastCheckpointDoNotBeginAnewInItsPlace) {
  ASSERT_EQ(train("run.yaml").exit_code, 0);
  fs::remove(folder_.path() + "/runs/run/last.pt");
  const auto kept = [&] { return test::run_in(folder_.path(), "cat runs/run/best.pt runs/run/metrics.csv").out; };
  const std::string before = kept();
  expect_refused("--resume runs/run",
                 {"epochs=2",
                  "'runs/run' has best.pt but no last.pt to go on from; begin anew in another output with "
                  "weights.from=runs/run/best.pt"});
  EXPECT_TRUE(kept() == before) << "the best model or its numbers were written over";
}

TEST_F(TrainSettings, ThatMayChangeWhereARunGoesOnAreKeptForTheNextTime) {
  ASSERT_EQ(train("run.yaml schedule=constant").exit_code, 0);
  const auto changed = train("--resume runs/run/last.pt epochs=2 optimizer.lr=0.01 ~schedule");
  EXPECT_EQ(changed.exit_code, 0) << changed.err;
  for (const char* change : {"changed: epochs: 2 in place of 1\n", "changed: optimizer.lr: 0.01 in place of 0.001\n",
                             "changed: schedule.type: cosine in place of constant\n"})
    EXPECT_THAT(changed.out, HasSubstr(change));
  const std::string kept = test::run_in(folder_.path(), "cat runs/run/config.yaml").out;
  for (const char* line : {"\nepochs: 2  # command line 'epochs=2'\n", "\n  prefetch: 2  # default\n",
                           "\n  num_workers: 1  # run.yaml:3:38\n", "\n  type: cosine  # default\n"})
    EXPECT_THAT(kept, HasSubstr(line));
  const auto again = train("--resume runs/run/");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("nothing is left to train of 2 epochs; set epochs=N to go on\n"));
}

TEST_F(TrainSettings, NameTheRunThatMayBeMeantWhereNoneGoesOn) {
  ASSERT_EQ(train("run.yaml").exit_code, 0);
  ASSERT_EQ(train("run.yaml").exit_code, 0);
  for (const Wrong& wrong : std::vector<Wrong>{
           {"--resume runs", "'runs' holds 2 runs, the newest is 'runs/run-2'"},
           {"--resume runs/run/best.pt", "is a file of the run 'runs/run', which goes on from its last.pt"},
           {"--resume photos", "'photos' is no directory of a run, it has no config.yaml"},
           {"--resume nowhere", "'nowhere' is not there; give the directory of a run"},
           {"run.yaml --resume runs/run",
            "--resume takes the configuration in the run's directory: leave out 'run.yaml'"}}) {
    const auto ended = train(wrong.settings);
    EXPECT_EQ(ended.exit_code, 2) << wrong.settings;
    EXPECT_THAT(ended.err, HasSubstr(wrong.error)) << wrong.settings;
  }
}

TEST_F(TrainSettings, AreValidatedAsTrainingTakesThem) {
  folder_.write("path.yaml", "dataset: {type: image_folder, root: photos}\n");
  const auto validated = train("path.yaml loader.num_workers=0 --validate");
  EXPECT_EQ(validated.exit_code, 0) << validated.err;
  EXPECT_EQ(validated.out,
            "dataset: 8 samples in 2 classes, the first batch: image: Byte [8, 3, 64, 64], label: Long [8]\n");
  EXPECT_FALSE(fs::exists(folder_.path() + "/runs"));
}

TEST_F(TrainSettings, WhosePlanIsLongerThanTheRunAreTakenWithAWarning) {
  const auto drops = train("run.yaml --validate 'schedule={type: step, epochs: [0.5, 30]}'");
  EXPECT_EQ(drops.exit_code, 0) << drops.err;
  EXPECT_THAT(drops.err,
              HasSubstr("warning: schedule.epochs: the drop at epoch 30 never comes, since training has 1 epoch"));
  const auto warm_up = train("run.yaml --json 'schedule={warmup_epochs: 1}'");
  EXPECT_EQ(warm_up.exit_code, 0) << warm_up.err;
  EXPECT_THAT(warm_up.out,
              HasSubstr("{\"event\":\"warning\",\"text\":\"schedule.warmup_epochs: the warm-up takes all of 1 epoch"));
}

TEST_F(TrainSettings, OfATraceThatCannotBeWrittenAreRefusedBeforeTraining) {
  const auto nowhere = train("run.yaml --trace nowhere/trace.json"), folder = train("run.yaml --trace photos");
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(
      nowhere.err,
      HasSubstr("cannot write 'nowhere/trace.json': No such file or directory; make the folder 'nowhere' first"));
  EXPECT_EQ(folder.exit_code, 1);
  EXPECT_THAT(folder.err, HasSubstr("cannot write 'photos': Is a directory; name a file"));
  EXPECT_FALSE(fs::exists(folder_.path() + "/runs")) << "a run's directory was made";
}

TEST_F(TrainSettings, OfSectionsWithADefaultTypeNeedNone) {
  for (const char* settings : {"'model={widths: [4]}'", "'optimizer={lr: 0.01}'", "'schedule={last: 0.1}'"})
    EXPECT_EQ(train(std::string("run.yaml --validate ") + settings).exit_code, 0) << settings;
}

}  // namespace
}  // namespace millrace::train_settings_test
