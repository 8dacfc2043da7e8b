// A transform added in one file, random_threshold.h, and one line, in types().
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/transforms/renderer.h"
#include "millrace/loader/images/transforms/table.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/extending/random_threshold.h"
#include "millrace/tests/support/paths.h"

namespace millrace::extending_transform_test {
namespace {

using test::RandomThreshold;
using transforms::Chain;

configs::TransformTypes types() {
  configs::TransformTypes known;
  known.add<RandomThreshold>();
  return known;
}

Chain from_yaml(const std::string& text) {
  return configs::read_transforms(configs::Node(configs::parse(text, "run.yaml")), types());
}

TEST(AddedTransform, WorksInAChain) {
  const std::vector<uint8_t> picture = {0, 99, 100, 255};
  std::vector<std::byte> row(4);
  SampleRng rng(1);
  const Chain chain = RandomThreshold(100, 1) | transforms::RandomHorizontalFlip(1);
  transforms::Renderer().render(chain, picture, {1, 4}, rng, {1, 4}, row);
  EXPECT_EQ(row, (std::vector<std::byte>{std::byte{255}, std::byte{255}, std::byte{0}, std::byte{0}}));
  EXPECT_TRUE(Chain(RandomThreshold(9)).keeps_shape());
}

TEST(AddedTransform, WorksInsideOthers) {
  EXPECT_EQ(to_string(transforms::RandomApply(RandomThreshold(100, 1), 0.25)),
            "RandomApply(RandomThreshold(100, 1), 0.25)");
}

TEST(AddedTransform, HasTextOfItsShownFields) {
  EXPECT_EQ(to_string(Chain(RandomThreshold(100))), "RandomThreshold(100, 0.5)");
}

TEST(AddedTransform, ComesBackFromAnArchive) {
  const Chain chain = RandomThreshold(100, 0.25) | transforms::Resize(9);
  Encoded encoded = encode(chain);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  Chain copy;
  archive(copy);
  EXPECT_EQ(copy, chain);
  EXPECT_NE(copy, RandomThreshold(101, 0.25) | transforms::Resize(9));
}

TEST(AddedTransform, IsReadFromYaml) {
  EXPECT_EQ(from_yaml("[random_threshold: {threshold: 100, p: 1}, random_threshold]"),
            RandomThreshold(100, 1) | RandomThreshold());
  EXPECT_EQ(from_yaml("[random_choice: {transforms: [random_threshold: {p: 1}, random_invert]}]"),
            Chain(transforms::RandomChoice({Chain(RandomThreshold(128, 1)), Chain(transforms::RandomInvert())})));
}

TEST(AddedTransform, IsRefusedUnderANameThatThereIs) {
  EXPECT_THROW(types().add<RandomThreshold>(), std::logic_error);
  EXPECT_THROW(configs::TransformTypes().add<transforms::Resize>(), std::logic_error);
}

TEST(AddedTransform, IsReachedByDatasetsOfTheProgram) {
  const auto loader_of = [](const std::string& steps) {
    const configs::Node run(configs::parse("dataset: {type: image_folder, root: '" + test::data("photos") +
                                               "'}\ntransforms: " + steps + "\nloader: {batch_size: 2}",
                                           "run.yaml"));
    return configs::build_loader(run["loader"], configs::DatasetTypes().transforms(types()));
  };
  const auto pixels = loader_of("[resize: {size: [8, 8]}, random_threshold: {p: 1}]")->next()->data();
  EXPECT_TRUE(pixels.eq(0).logical_or(pixels.eq(255)).all().item<bool>());
  EXPECT_THROW(loader_of("[resize: {size: [8, 8]}, random_threshold: {treshold: 1}]"), configs::ConfigError);
}

TEST(AStepWithoutATransform, SaysSo) {
  const transforms::Step empty;
  EXPECT_EQ(empty, transforms::Step());
  EXPECT_NE(empty, transforms::Step(RandomThreshold()));
  EXPECT_THROW(to_string(Chain(empty)), std::logic_error);
}

TEST(AddedTransform, HasItsMistakesInYamlNamed) {
  const auto error_of = [](const std::string& text) -> std::string {
    try {
      from_yaml(text);
    } catch (const configs::ConfigError& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(error_of("[random_threshold: {threshold: 256}]"),
            "run.yaml:1:32: 0.random_threshold.threshold: must be from 0 to 255, found 256");
  EXPECT_EQ(error_of("[random_threshold: {treshold: 1}]"),
            "run.yaml:1:21: 0.random_threshold.treshold: unknown key, did you mean threshold?");
  EXPECT_NE(error_of("[random_treshold]").find("did you mean random_threshold?"), std::string::npos);
}

TEST(AddedTransform, HasARowInTheTable) {
  EXPECT_EQ(table_row(transforms::describe<RandomThreshold>()),
            "| `RandomThreshold` | threshold 128, p 0.5 | `random_threshold` | black and white |");
}

TEST(AddedTransform, TravelsToWorkers) {
  const auto photos =
      ImageFolder(test::data("photos")).transform(transforms::Resize(image::Size{8, 8}) | RandomThreshold(100, 0.5));
  const auto first = [&](int workers) {
    return make_data_loader(photos, DataLoaderOptions(16).seed(3).num_workers(workers))->next().value().data();
  };
  const auto here = first(0);
  EXPECT_TRUE(first(2).equal(here));
  EXPECT_GT(here.eq(0).logical_or(here.eq(255)).all(3).all(2).all(1).sum().item<int64_t>(), 2) << "black and white";
}

}  // namespace
}  // namespace millrace::extending_transform_test
