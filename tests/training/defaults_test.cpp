#include "millrace/training/defaults.h"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace millrace::training::defaults_test
