// What a trained model is asked about and what it answers, by models of one number whose answers are known.
#include "millrace/training/predictor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"
#include "millrace/loader/images/decode.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/notices.h"
#include "millrace/tests/support/npy.h"
#include "millrace/tests/training/without_origins.h"
#include "millrace/training/prediction_config.h"

namespace millrace::training::predictor_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kDataset = "dataset: {type: image_folder, root: nowhere}\n";
constexpr const char* kTransforms = "transforms: [random_resized_crop: {size: 4}, random_horizontal_flip]\n";
constexpr const char* kRest = "loader: {batch_size: 2, num_workers: 0}\ndevice: cpu\n";

// Its only parameter.
struct ScaleImpl : torch::nn::Module {
  at::Tensor scale = register_parameter("scale", at::zeros({}));
};

// Dark pictures are of class 0, light ones of class 1, the more so the larger the scale.
struct BrightnessImpl : ScaleImpl {
  at::Tensor forward(const at::Tensor& pictures) {
    const auto light = scale * pictures.mean({1, 2, 3});
    return at::stack({-light, light}, 1);
  }
};
TORCH_MODULE(Brightness);

// The same of each pixel.
struct BrightPixelsImpl : ScaleImpl {
  at::Tensor forward(const at::Tensor& pictures) {
    const auto light = scale * pictures.mean(1, /*keepdim=*/true);
    return at::cat({-light, light}, 1);
  }
};
TORCH_MODULE(BrightPixels);

// The mean of the pixels.
struct MeanPixelImpl : ScaleImpl {
  at::Tensor forward(const at::Tensor& pictures) { return scale * pictures.mean({1, 2, 3}); }
};
TORCH_MODULE(MeanPixel);

// The picture, dark where it was light. Pictures are normalised by mean 0.5 and std 0.25.
struct NegativeImpl : ScaleImpl {
  at::Tensor forward(const at::Tensor& pictures) { return 0.5 - 0.25 * pictures; }
};
TORCH_MODULE(Negative);

// The mean of a vector.
struct MeanNumberImpl : ScaleImpl {
  at::Tensor forward(const at::Tensor& vectors) { return scale * vectors.mean({1}); }
};
TORCH_MODULE(MeanNumber);

ModelTypes models() {
  ModelTypes types;
  types.add("brightness", [](const auto&, const auto&) { return Model(Brightness()); });
  types.add("bright_pixels", [](const auto&, const auto&) { return Model(BrightPixels()); });
  types.add("mean_pixel", [](const auto&, const auto&) { return Model(MeanPixel()); });
  types.add("mean_number", [](const auto&, const auto&) { return Model(MeanNumber()); });
  types.add("negative", [](const auto&, const auto&) { return Model(Negative()); });
  return types;
}

const FieldSpec kPictures{"image", at::kByte, {3, 4, 4}};

class Predict : public testing::Test {
 protected:
  // A checkpoint of a model of that type and scale.
  Checkpoint checkpoint(const std::string& model, const DataFacts& data) const {
    Checkpoint checkpoint;
    checkpoint.model = {{"scale", at::full({}, 1.0)}};
    checkpoint.optimizer = at::zeros({1}, at::kByte);
    checkpoint.configuration = std::string(kDataset) + kTransforms + kRest + "model: " + model + "\n";
    checkpoint.data = data;
    return checkpoint;
  }

  Checkpoint classifier() const {
    return checkpoint("brightness", {{"dark", "light"}, {kPictures, {"label", at::kLong, {}}}});
  }

  std::string written(const Checkpoint& checkpoint) const {
    write_checkpoint(path("best.pt"), checkpoint);
    return path("best.pt");
  }

  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  // A picture of one gray in a file.
  void paint(const std::string& name, char gray) const {
    folder_.write(name, "P6 6 6 255\n" + std::string(6 * 6 * 3, gray));
  }

  Predictions ask(const std::string& input, const std::vector<std::string>& overrides = {}, int64_t top = 1) const {
    Predictor predictor(read_trained_run(path("best.pt")), {input, overrides}, configs::DatasetTypes(), models());
    return *predictor.predict({top, path("out")}, [](int64_t) { return true; });
  }

  std::string error_of_asking(const std::string& trained, const std::string& input,
                              const std::vector<std::string>& overrides = {}) const {
    return test::error_of(
        [&] { Predictor predictor(read_trained_run(trained), {input, overrides}, configs::DatasetTypes(), models()); });
  }

  test::Directory folder_;
};

std::vector<std::string> paths_of(const Predictions& predictions) {
  std::vector<std::string> paths;
  for (const auto& row : predictions.rows) paths.push_back(row.path);
  return paths;
}

std::vector<std::string> first_cells(const Predictions& predictions) {
  std::vector<std::string> cells;
  for (const auto& row : predictions.rows) cells.push_back(row.cells.empty() ? "" : row.cells.front());
  return cells;
}

TEST_F(Predict, GivesARowForEachPictureInTheOrderOfTheFiles) {
  written(classifier());
  for (int i = 0; i < 7; ++i) paint("new/" + std::to_string(i) + ".ppm", i % 3 == 0 ? '\xff' : '\x10');
  for (const char* workers : {"0", "2"}) {
    const auto predictions = ask(path("new"), {std::string("loader.num_workers=") + workers});
    ASSERT_THAT(predictions.rows, SizeIs(7));
    EXPECT_EQ(predictions.rows[3].path, path("new/3.ppm"));
    EXPECT_THAT(first_cells(predictions), ElementsAre("light", "dark", "dark", "light", "dark", "dark", "light"));
    EXPECT_EQ(predictions.failed, 0);
    EXPECT_THAT(predictions.measures, IsEmpty());
  }
  EXPECT_THAT(to_csv(ask(path("new/0.ppm"))),
              StartsWith("path,prediction,probability,error\n" + path("new/0.ppm") + ",light,0.98"));
}

TEST_F(Predict, TellsTheLikeliestClasses) {
  written(classifier());
  paint("a.ppm", '\xff');
  const auto predictions = ask(path("a.ppm"), {}, /*top=*/5);
  EXPECT_THAT(predictions.columns, ElementsAre("prediction", "probability", "prediction_2", "probability_2"));
  EXPECT_THAT(predictions.rows.at(0).cells, ElementsAre("light", StartsWith("0.98"), "dark", StartsWith("0.01")));
}

TEST_F(Predict, TakesTheAveragesWhereTheRunWasJudgedByThem) {
  auto checkpoint = classifier();
  checkpoint.ema = {{"scale", at::full({}, -1.0)}};
  written(checkpoint);
  paint("a.ppm", '\xff');
  EXPECT_THAT(first_cells(ask(path("a.ppm"))), ElementsAre("dark"));
}

TEST_F(Predict, TellsTheErrorOfABrokenPictureAndLosesNoOther) {
  written(classifier());
  for (const char* name : {"a.ppm", "c.ppm", "d.ppm"}) paint(std::string("new/") + name, '\xff');
  folder_.write("new/b.ppm", "P6 6 6 255\ntoo short");
  const auto predictions = ask(path("new"));
  EXPECT_THAT(paths_of(predictions),
              ElementsAre(path("new/a.ppm"), path("new/b.ppm"), path("new/c.ppm"), path("new/d.ppm")));
  EXPECT_THAT(first_cells(predictions), ElementsAre("light", "", "light", "light"));
  EXPECT_EQ(predictions.failed, 1);
  EXPECT_THAT(predictions.rows[1].error, HasSubstr("b.ppm"));
  EXPECT_THAT(to_csv(predictions), HasSubstr("\n" + path("new/b.ppm") + ",,,"));
}

TEST_F(Predict, TellsTheErrorWhereNoPictureCanBeRead) {
  written(classifier());
  folder_.write("new/b.ppm", "P6 6 6 255\ntoo short");
  const auto predictions = ask(path("new"));
  EXPECT_EQ(predictions.failed, 1);
  EXPECT_THAT(predictions.rows, SizeIs(1));
}

TEST_F(Predict, KnowsTheClassesOfFoldersThatAreNamedSo) {
  written(classifier());
  paint("test/light/a.ppm", '\xff');
  paint("test/light/b.ppm", '\x10');
  paint("test/other/c.ppm", '\xff');
  const auto predictions = ask(path("test"));
  EXPECT_TRUE(predictions.has_truth);
  EXPECT_EQ(predictions.rows[0].truth, "light");
  EXPECT_EQ(predictions.rows[2].truth, "");
  ASSERT_THAT(predictions.measures, testing::Not(IsEmpty()));
  EXPECT_EQ(predictions.measures[0].name, "accuracy");
  EXPECT_EQ(predictions.measures[0].value, 0.5);
  EXPECT_THAT(to_csv(predictions), StartsWith("path,prediction,probability,truth,error\n"));
}

TEST_F(Predict, ReadsTheTestSplitWhereNothingIsNamed) {
  auto checkpoint = classifier();
  checkpoint.configuration +=
      "test:\n  dataset: {type: image_folder, root: " + path("test") + "}\n  transforms: [resize: {size: [4, 4]}]\n";
  written(checkpoint);
  paint("test/dark/a.ppm", '\x10');
  paint("test/light/a.ppm", '\xff');
  const auto predictions = ask("");
  EXPECT_THAT(first_cells(predictions), ElementsAre("dark", "light"));
  EXPECT_EQ(predictions.measures.at(0).value, 1);
}

TEST_F(Predict, ReadsListsWithTheColumnsOfTheRunsOwn) {
  auto checkpoint = classifier();
  checkpoint.configuration = "dataset: {type: image_manifest, path: nowhere.csv, image: file, label: what}\n" +
                             std::string(kTransforms) + kRest + "model: brightness\n";
  written(checkpoint);
  paint("a.ppm", '\xff');
  paint("b.ppm", '\x10');
  folder_.write("list.csv", "file,what\nb.ppm,light\na.ppm,light\n");
  const auto predictions = ask(path("list.csv"));
  EXPECT_THAT(first_cells(predictions), ElementsAre("dark", "light"));
  EXPECT_EQ(predictions.rows[0].truth, "light") << "The only class of the list is the model's second.";
  EXPECT_EQ(predictions.measures.at(0).value, 0.5);
}

TEST_F(Predict, ReadsListsOfPathsAlone) {
  written(classifier());
  paint("a.ppm", '\xff');
  folder_.write("list.txt", "a.ppm\n");
  EXPECT_THAT(first_cells(ask(path("list.txt"))), ElementsAre("light"));
}

TEST_F(Predict, ReadsListsOfPathsWithLabels) {
  written(classifier());
  paint("a 1.ppm", '\xff');
  paint("b.ppm", '\x10');
  folder_.write("list.txt", "\na 1.ppm light\nb.ppm light\n");
  const auto predictions = ask(path("list.txt"));
  EXPECT_THAT(first_cells(predictions), ElementsAre("light", "dark"));
  EXPECT_EQ(predictions.rows[1].truth, "light");
  folder_.write("numbers.txt", "b.ppm 0\na 1.ppm 0\n");
  EXPECT_EQ(ask(path("numbers.txt")).rows[1].truth, "dark");
}

TEST_F(Predict, WritesMasks) {
  auto trained = checkpoint("bright_pixels", {{}, {kPictures, {"mask", at::kByte, {1, 4, 4}}}});
  trained.configuration += "classes: 2\n";
  written(trained);
  paint("new/cats/a.ppm", '\xff');
  paint("new/a.png.ppm", '\x10');
  const auto predictions = ask(path("new"));
  EXPECT_THAT(predictions.columns, ElementsAre("mask"));
  EXPECT_THAT(first_cells(predictions), ElementsAre(path("out/a.png.png"), path("out/cats/a.png")));
  for (const auto& file : first_cells(predictions)) EXPECT_TRUE(fs::exists(file)) << file;
}

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Predict, WritesMasksInTheNumbersOfTheMasksThatWereLearned) {
  auto trained = checkpoint("bright_pixels", {{}, {kPictures, {"mask", at::kByte, {1, 4, 4}}}});
  const std::string rest = std::string(kTransforms) + kRest + "model: bright_pixels\n";
  paint("new/dark.ppm", '\x10');
  paint("new/light.ppm", '\xff');
  const auto masks_of = [&](const std::string& dataset, const std::string& more) {
    trained.configuration = "dataset: " + dataset + "\n" + more + rest;
    written(trained);
    std::vector<uint16_t> firsts;
    for (const auto& file : first_cells(ask(path("new")))) {
      const std::string bytes = bytes_of(file);
      const auto mask = image::decode_numbers(std::as_bytes(std::span(bytes)));
      EXPECT_THAT(mask.values, AllOf(SizeIs(16), Each(mask.values.front())));
      firsts.push_back(mask.values.front());
    }
    return firsts;
  };
  const std::string folders = "{type: image_masks, images: a, masks: b, mask_values: ";
  EXPECT_THAT(masks_of(folders + "[64, 255]}", "classes: 2\n"), ElementsAre(64, 255));
  EXPECT_THAT(masks_of(folders + "[7, 1000]}", "classes: 2\n"), ElementsAre(7, 1000)) << "which need 16 bits";
  EXPECT_THAT(masks_of("{type: subset, first: 1, dataset: " + folders + "[5, 6]}}", "classes: 2\n"), ElementsAre(5, 6));
  EXPECT_THAT(masks_of(folders + "[9]}", "classes: 2\n"), ElementsAre(9, 1)) << "of a class without one: its own";
}

TEST_F(Predict, GivesFilesOfTheSameNameDifferentOnes) {
  written(checkpoint("negative", {{}, {kPictures, {"target", at::kByte, {3, 4, 4}}}}));
  paint("new/a.ppm", '\xff');
  paint("new/a.pgm", '\x10');
  EXPECT_THAT(first_cells(ask(path("new"))), ElementsAre(path("out/a.png"), path("out/a-2.png")));
}

TEST_F(Predict, TellsNumbers) {
  written(checkpoint("mean_pixel", {{}, {kPictures, {"label", at::kFloat, {}}}}));
  paint("new/a.ppm", '\xff');
  const auto predictions = ask(path("new"));
  EXPECT_THAT(predictions.columns, ElementsAre("prediction"));
  EXPECT_THAT(first_cells(predictions), ElementsAre("2"));
}

TEST_F(Predict, SaysWhatIsWrong) {
  const std::string trained = written(classifier());
  EXPECT_THAT(error_of_asking(trained, ""), HasSubstr("no test split"));
  fs::create_directories(path("empty"));
  EXPECT_THAT(error_of_asking(trained, path("empty")), HasSubstr("no pictures: no file below"));
  EXPECT_THAT(error_of_asking(trained, path("none")), HasSubstr("none'; check the path"));
  EXPECT_THAT(error_of_asking(path("empty"), path("empty")), HasSubstr("has neither best.pt nor last.pt"));
  EXPECT_THAT(error_of_asking("run.yaml", path("new")),
              HasSubstr("'run.yaml' is a configuration and no trained model"));
  paint("new/a.ppm", '\xff');
  EXPECT_THAT(error_of_asking(trained, path("new"), {"transforms.0.resize.size=[4, 5]"}),
              HasSubstr("image: Byte [3, 4, 5], but the model was trained on image: Byte [3, 4, 4]"));
  EXPECT_THAT(error_of_asking(trained, path("new"), {"model=mean_pixel", "loader.on_error=replace"}),
              HasSubstr("on_error: each row is about the picture"));
  auto other = classifier();
  other.model = {{"weight", at::full({}, 1.0)}};
  EXPECT_THAT(error_of_asking(written(other), path("new")), HasSubstr("unexpected: 'weight'"));
  folder_.write("half.pt", "PK\x03\x04 half");
  EXPECT_THAT(error_of_asking(path("half.pt"), path("new")), HasSubstr("half.pt"));
}

TEST_F(Predict, TakesNoKeyOfTheTestSplitWhichItIsAskedAboutAsTheDataset) {
  paint("pictures/1.ppm", 'a');
  EXPECT_THAT(error_of_asking(written(classifier()), path("pictures"), {"test.dataset.root=elsewhere"}),
              HasSubstr("test: what predict asks about is dataset, transforms and loader here; give dataset.root, say, "
                        "in place of test.dataset.root"));
}

TEST_F(Predict, TakesNoSampler) {
  paint("pictures/1.ppm", 'a');
  EXPECT_THAT(error_of_asking(written(classifier()), path("pictures"), {"sampler=random"}),
              HasSubstr("sampler: each sample has its row, in the dataset's order; leave it out"));
}

TEST_F(Predict, AsksTheDataWhereAnOldCheckpointDoesNotSayWhatItWasTrainedOn) {
  auto old = classifier();
  old.data.reset();
  old.configuration =
      "dataset: {type: image_folder, root: " + path("train") + "}\n" + kTransforms + kRest + "model: brightness\n";
  written(old);
  paint("train/dark/a.ppm", '\x10');
  paint("train/light/a.ppm", '\xff');
  paint("new/a.ppm", '\xff');
  EXPECT_THAT(first_cells(ask(path("new"))), ElementsAre("light"));
}

// --- arrays ---

class PredictArrays : public Predict {
 protected:
  PredictArrays() {
    Checkpoint vectors = checkpoint("mean_number", {{}, {{"x", at::kFloat, {2}}, {"y", at::kFloat, {}}}});
    vectors.configuration =
        "dataset: {type: npy, paths: [x.npy, y.npy], names: [x, y]}\n" + std::string(kRest) + "model: mean_number\n";
    written(vectors);
    folder_.write("new/a.npy", test::npy_of_floats("2, 2", {1, 3, 5, 5}));
    folder_.write("new/b.npy", test::npy_of_floats("1, 2", {0, 8}));
    folder_.write("new/labels.npy", test::npy_of_floats("3,", {1, 2, 3}));
  }
};

TEST_F(PredictArrays, TakesEachRowOfAFile) {
  const auto found = ask(path("new/a.npy"));
  EXPECT_THAT(paths_of(found), ElementsAre(path("new/a.npy[0]"), path("new/a.npy[1]")));
  EXPECT_THAT(first_cells(found), ElementsAre("2", "5"));
}

TEST_F(PredictArrays, TakesTheFilesOfAFolderWhoseRowsFit) {
  const auto found = ask(path("new"));
  EXPECT_THAT(paths_of(found), ElementsAre(path("new/a.npy[0]"), path("new/a.npy[1]"), path("new/b.npy[0]")));
  EXPECT_THAT(first_cells(found), ElementsAre("2", "5", "4"));
}

TEST_F(PredictArrays, TellsOnceWhichFilesOfAFolderAreLeftOut) {
  folder_.write("new/c.npy", test::npy_of_floats("1, 3", {1, 2, 3}));
  EXPECT_EQ(test::told_by([&] { ask(path("new")); }),
            "of '" + path("new") +
                "' 2 .npy files are left out, whose rows are not Float [2] as in training; the first "
                "is 'c.npy'");
  folder_.write("all/a.npy", test::npy_of_floats("1, 2", {0, 8}));
  EXPECT_EQ(test::told_by([&] { ask(path("all")); }), "");
}

TEST_F(PredictArrays, TakesMoreFilesThanAMessageToAWorkerCarries) {
  Checkpoint with_workers = read_trained_run(path("best.pt")).checkpoint;
  with_workers.configuration =
      "dataset: {type: npy, paths: [x.npy, y.npy], names: [x, y]}\n"
      "loader: {batch_size: 2, num_workers: 2, persistent_workers: true, seed_mode: torch}\n"
      "device: cpu\nmodel: mean_number\n";
  written(with_workers);
  for (int i = 0; i < 300; ++i)
    folder_.write("many/" + std::to_string(i) + ".npy", test::npy_of_floats("1, 2", {1, 3}));
  EXPECT_EQ(ask(path("many")).predicted, 300);
}

TEST_F(PredictArrays, NamesTheFileThatIsMissingOrHasOtherRows) {
  folder_.write("list.txt", "new/b.npy\nnew/none.npy\n");
  EXPECT_THAT(error_of_asking(path("best.pt"), path("list.txt")),
              EndsWith("the list '" + path("list.txt") + "' names 'new/none.npy', which is not there"));
  folder_.write("six.npy", test::npy_of_floats("1, 6", {1, 2, 3, 4, 5, 6}));
  folder_.write("other.txt", "new/b.npy\nsix.npy\n");
  for (const char* name : {"six.npy", "other.txt"})
    EXPECT_THAT(error_of_asking(path("best.pt"), path(name)),
                EndsWith("'" + path("six.npy") + "' has rows of Float [6], the model was trained on Float [2]"));
}

TEST_F(PredictArrays, TakesTheFilesOfAList) {
  folder_.write("list.txt", "new/b.npy\r\n\n new/a.npy\n");
  EXPECT_THAT(first_cells(ask(path("list.txt"))), ElementsAre("4", "2", "5"));
}

TEST_F(PredictArrays, TellsWhichSamplesHaveNumbersThatAreNotFinite) {
  folder_.write("new/a.npy", test::npy_of_floats("2, 2", {1, 3, NAN, 5}));
  const auto found = ask(path("new"));
  EXPECT_EQ(found.not_finite.samples, 1);
  EXPECT_EQ(found.not_finite.first, "sample 1 ('" + path("new/a.npy[1]") + "')");
  EXPECT_EQ(found.predicted, 3);
}

TEST_F(PredictArrays, SaysWhatItReads) {
  const std::string cure =
      "the model was trained on x: Float [2], and is asked about rows of such arrays: name an .npy "
      "file, an .npz file, a folder with .npy files, or a .txt that lists some, a path a line";
  folder_.write("list.csv", "path\nnew/a.npy\n");
  EXPECT_THAT(error_of_asking(path("best.pt"), path("list.csv")), EndsWith("list.csv' has no arrays; " + cure));
  folder_.write("empty/labels.npy", test::npy_of_floats("3,", {1, 2, 3}));
  EXPECT_THAT(error_of_asking(path("best.pt"), path("empty")),
              EndsWith("empty' has no .npy file with rows like that; " + cure));
}

// --- the configuration ---

std::string config_for(const std::string& yaml, const std::string& input) {
  const SampleSpec spec{kPictures, {"label", at::kLong, {}}};
  return test::without_origins(configs::to_yaml(prediction_config(configs::parse(yaml, "run.yaml"), input, spec)));
}

TEST(PredictionConfig, LeavesNothingToChance) {
  EXPECT_EQ(config_for("{dataset: {type: image_folder, root: a, mode: gray}, transforms: [random_resized_crop: {size: "
                       "4}, color_jitter: {}, grayscale], loader: {batch_size: 8, shuffle: true, drop_last: true}}",
                       "new"),
            "loader:\n  batch_size: 8\ndataset:\n  type: image_files\n  path: \"new\"\n  mode: gray\ntransforms:\n"
            "  - resize:\n      size:\n        - 4\n        - 4\n  - grayscale\n");
}

TEST(PredictionConfig, HasTheTransformsOfTheTestSplit) {
  const std::string text = config_for(
      "{dataset: {type: mnist, root: a}, test: {dataset: {type: mnist, root: b}, transforms: [resize: {size: 9}]}}",
      "x.csv");
  EXPECT_THAT(text, HasSubstr("transforms:\n  - resize:\n      size: 9\n"));
  EXPECT_THAT(text, HasSubstr("dataset:\n  type: image_manifest\n  label: \"\"\n  path: \"x.csv\"\n"));
}

TEST(PredictionConfig, LeavesMasksOutByTheNamesOfTheirFolder) {
  const test::Directory folder;
  for (const char* name : {"images", "masks", "other"}) folder.write(std::string(name) + "/1.png", "");
  const auto path_for = [&](const std::string& dataset) {
    const test::Notices notices;
    const std::string text = config_for("{dataset: " + dataset + "}", folder.path());
    EXPECT_EQ(notices.all().size(), text.find("/images\"") == text.npos ? 0U : 1U);
    return text;
  };
  const std::string pictures_alone = "path: \"" + folder.path() + "/images\"\n";
  EXPECT_THAT(path_for("{type: image_masks, images: a/images, masks: a/masks}"), HasSubstr(pictures_alone));
  EXPECT_THAT(
      path_for("{type: random_split, dataset: {type: image_pairs, data: a/images/train, target: a/masks/train}}"),
      HasSubstr(pictures_alone));
  EXPECT_THAT(path_for("{type: image_masks, images: a/in, masks: a/out}"),
              HasSubstr("path: \"" + folder.path() + "\"\n"));
}

}  // namespace
}  // namespace millrace::training::predictor_test
