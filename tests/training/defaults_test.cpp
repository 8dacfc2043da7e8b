#include "millrace/training/defaults.h"

#include <gtest/gtest.h>

#include <string>

#include "millrace/configs/errors.h"
#include "millrace/configs/yaml.h"
#include "millrace/tests/training/without_origins.h"

namespace millrace::training::defaults_test {
namespace {

std::string completed(const std::string& yaml) {
  return test::without_origins(configs::to_yaml(with_defaults(configs::parse(yaml, "run.yaml"), 4)));
}

TEST(Defaults, MakeAPathAWholeConfiguration) {
  EXPECT_EQ(completed("dataset: {type: image_folder, root: photos}"),
            "dataset:\n  type: image_folder\n  root: photos\nmodel: small_cnn\noptimizer: adamw\nschedule: cosine\n"
            "loader:\n  batch_size: 32\n  num_workers: 3\ntransforms:\n  - resize:\n      size:\n        - 64\n        "
            "- 64\n");
}

TEST(Defaults, MakePicturesAndMasksOfPicturesByAUNet) {
  for (const char* dataset :
       {"{type: image_pairs, data: a, target: b}", "{type: image_pairs_manifest, path: a.txt}",
        "{type: image_manifest, path: a.txt, label: '', mask: mask}", "{type: image_masks, images: a, masks: b}",
        "{type: random_split, dataset: {type: image_pairs, data: a, target: b}}"})
    EXPECT_NE(completed("{dataset: " + std::string(dataset) + "}").find("\nmodel: unet\n"), std::string::npos)
        << dataset;
}

TEST(Defaults, LeaveWhatIsSaid) {
  EXPECT_EQ(
      completed("{dataset: {type: mnist, root: d}, model: {widths: [8]}, optimizer: {type: sgd}, schedule: "
                "constant, loader: {num_workers: 0}}"),
      "dataset:\n  type: mnist\n  root: d\nmodel:\n  widths:\n    - 8\n  type: small_cnn\noptimizer:\n  type: sgd\n"
      "schedule: constant\nloader:\n  num_workers: 0\n  batch_size: 32\n");
}

TEST(Defaults, NameTheTypesOfSectionsThatHaveKeysAlone) {
  const auto text = completed("{dataset: {type: mnist, root: d}, optimizer: {lr: 0.5}, schedule: {last: 0.1}}");
  EXPECT_NE(text.find("optimizer:\n  lr: 0.5\n  type: adamw\nschedule:\n  last: 0.1\n  type: cosine\n"),
            std::string::npos)
      << text;
}

TEST(Defaults, OfATestSplitReadInTheTrainer) {
  const auto text =
      completed("{dataset: {type: mnist, root: d}, test: {dataset: {type: mnist, root: d, split: test}}}");
  EXPECT_NE(text.find("  loader:\n    batch_size: 32\n    num_workers: 0\n"), std::string::npos) << text;
}

const std::string kMasks = "{dataset: {type: image_manifest, path: a.txt, label: '', mask: mask";

TEST(Defaults, TellADatasetWhichNumbersOfItsMasksAreClasses) {
  const auto text = completed(kMasks +
                              "}, classes: 3, test: {dataset: {type: random_split, dataset: {type: "
                              "image_manifest, path: b.txt, mask: mask}}}}");
  EXPECT_NE(text.find("  mask: mask\n  mask_values:\n    - 0\n    - 1\n    - 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("      mask: mask\n      mask_values:\n        - 0\n        - 1\n        - 2\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(completed("{dataset: {type: image_manifest, path: a.csv}, classes: 3}").find("mask_values"),
            std::string::npos);
}

TEST(Defaults, CountTheNumbersOfMasksThatAreClasses) {
  const auto text = completed(kMasks +
                              ", mask_values: [0, 255]}, test: {dataset: {type: image_manifest, path: b.txt, "
                              "mask: mask}}}");
  EXPECT_NE(text.find("\nclasses: 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    mask: mask\n    mask_values:\n      - 0\n      - 255\n"), std::string::npos) << text;
  EXPECT_THROW(completed(kMasks + ", mask_values: [0, 128, 255]}, classes: 2}"), configs::ConfigError);
  EXPECT_NE(completed(kMasks + ", mask_values: [0, 255]}, classes: 3}").find("\nclasses: 3\n"), std::string::npos);
}

}  // namespace
}  // namespace millrace::training::defaults_test
