// Datasets made of others, in YAML.
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/loader/datasets/arrays.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::configs::combined_datasets_test {
namespace {

using millrace::test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Node document(const std::string& text) { return Node(parse(text, "run.yaml")); }

// What is in a batch of all samples of a dataset that is made of two .npy files, one of 7 and 9, one of 2 rows of 3.
class CombinedDatasets : public testing::Test {
 protected:
  static std::unique_ptr<DataLoader> loader(const std::string& dataset, const std::string& more = "") {
    const std::string numbers = "{type: npy, names: [x], paths: [" + test::data("npy/labels.npy") + "]}";
    const std::string rows = "{type: npy, names: [y], paths: [" + test::data("npy/float32.npy") + "]}";
    std::string text = "dataset: {" + dataset + "}\n" + more + "loader: {batch_size: 9}";
    text = std::regex_replace(text, std::regex("NUMBERS"), numbers);
    return build_loader(document(std::regex_replace(text, std::regex("ROWS"), rows))["loader"]);
  }

  static std::vector<int64_t> numbers(const std::string& dataset, const std::string& more = "") {
    const auto batch = loader(dataset, more)->next();
    const at::Tensor data = batch->data();
    return {data.const_data_ptr<int64_t>(), data.const_data_ptr<int64_t>() + data.numel()};
  }

  static std::string error(const std::string& dataset, const std::string& more = "") {
    return error_of<ConfigError>([&] { loader(dataset, more); });
  }
};

TEST_F(CombinedDatasets, AreWhatTheyAreInCpp) {
  using Numbers = std::vector<int64_t>;
  EXPECT_EQ(numbers("type: concat, datasets: [NUMBERS, NUMBERS]"), (Numbers{7, 9, 7, 9}));
  EXPECT_EQ(numbers("type: subset, dataset: NUMBERS, indices: [1, 1, 0]"), (Numbers{9, 9, 7}));
  const std::string four = "dataset: {type: concat, datasets: [NUMBERS, NUMBERS]}";
  EXPECT_EQ(numbers("type: subset, " + four + ", first: 1"), (Numbers{9, 7, 9}));
  EXPECT_EQ(numbers("type: subset, " + four + ", last: 3, step: 2"), (Numbers{7, 7}));
  const auto stacked = loader("type: stack, datasets: [NUMBERS, ROWS]");
  EXPECT_EQ(to_string(stacked->spec()), "0.x: Long [], 1.y: Float [3]");
  EXPECT_EQ(to_string(loader("type: stack, datasets: [NUMBERS, ROWS], names: [a, b]")->spec()),
            "a: Long [], b: Float [3]");
  EXPECT_EQ(stacked->next()->target()[1][2].item<float>(), 5);
}

TEST_F(CombinedDatasets, APartHasTheClassesOfItsDataset) {
  const std::string photos = "{type: image_folder, root: \"" + test::data("photos") + "\"}";
  for (const std::string part : {"type: random_split, lengths: [0.5, 0.5]", "type: subset, last: 4"}) {
    const Node run =
        document("dataset: {" + part + ", dataset: " + photos + "}\ntransforms: [resize: {size: [8, 8]}]\nloader: {}");
    EXPECT_THAT(DatasetTypes().open(run["loader"]).classes, testing::Contains("hat")) << part;
  }
}

TEST_F(CombinedDatasets, ShardsAndPartsOfThemHaveTheClassesInTheFileBesideThem) {
  const test::Directory folder;
  folder.copy("shards/pictures-000000.tar", "pictures.tar");
  const std::string shards = "type: tar_images, shards: \"" + folder.path() + "/pictures.tar\"";
  const auto classes_of = [](const std::string& dataset) {
    return DatasetTypes()
        .open(document("dataset: {" + dataset + "}\ntransforms: [resize: {size: [8, 8]}]\nloader: {}")["loader"])
        .classes;
  };
  EXPECT_THAT(classes_of(shards), testing::IsEmpty());
  folder.write("classes.txt", "coat\r\nrain hat\n\n");
  EXPECT_THAT(classes_of(shards), testing::ElementsAre("coat", "rain hat"));
  EXPECT_THAT(classes_of("type: subset, last: 1, dataset: {" + shards + "}"), testing::ElementsAre("coat", "rain hat"));
  EXPECT_THAT(classes_of(shards + ", label: ''"), testing::IsEmpty()) << "no labels are read";
}

TEST_F(CombinedDatasets, ARandomSplitHasThePartsOfTheCppOne) {
  const std::string four = "dataset: {type: concat, datasets: [NUMBERS, NUMBERS]}, seed: 3";
  const auto indices = [&](const std::string& more) {
    return numbers("type: random_split, " + four + ", " + more, "sampler: sequential\n");
  };
  const auto parts = random_split(NpyDataset({test::data("npy/uint8.npy")}), {1, 1}, 3);
  const std::vector<int64_t> values = {7, 9};
  std::vector<int64_t> expected;
  for (const int64_t index : parts[1].indices()) expected.push_back(values[static_cast<size_t>(index)]);
  EXPECT_EQ(numbers("type: random_split, dataset: NUMBERS, lengths: [1, 1], part: 1, seed: 3"), expected);
  auto all = indices("lengths: [0.75, 0.25]");
  for (const int64_t value : indices("lengths: [3, 1], part: 1")) all.push_back(value);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (std::vector<int64_t>{7, 7, 9, 9}));
}

TEST_F(CombinedDatasets, PartsGetTheTransformsThatTheyTake) {
  const std::string photos = "{type: image_folder, root: " + test::data("photos") + ", classes: [hat]}";
  const std::string more = "transforms: [resize: {size: [4, 5]}]\n";
  EXPECT_EQ(to_string(loader("type: concat, datasets: [" + photos + ", " + photos + "]", more)->spec()),
            "image: Byte [3, 4, 5], label: Long []");
  EXPECT_EQ(to_string(loader("type: stack, names: [photo, row], datasets: [{type: subset, last: 2, dataset: " + photos +
                                 "}, ROWS]",
                             more)
                          ->spec()),
            "photo.image: Byte [3, 4, 5], photo.label: Long [], row: Float [3]");
  EXPECT_EQ(error("type: concat, datasets: [NUMBERS]", more),
            "run.yaml:2:13: transforms: are for pictures; remove them for these types of datasets");
  EXPECT_EQ(
      loader("type: concat, datasets: [" + photos + "]", more + "sampler: {type: class_balanced, num_samples: 3}\n")
          ->next()
          ->size(),
      3);
}

TEST_F(CombinedDatasets, WrongValuesHaveTheirPlace) {
  EXPECT_EQ(error("type: concat, datasets: []"),
            "run.yaml:1:35: dataset.datasets: is empty; give at least one dataset");
  EXPECT_EQ(error("type: concat"),
            "run.yaml:1:10: dataset: the key 'datasets' is missing (a list of datasets: the datasets inside)");
  EXPECT_EQ(error("type: concat, datasets: x"), "run.yaml:1:35: dataset.datasets: expected a list, found 'x'");
  EXPECT_EQ(error("type: concat, datasets: [{type: npi}]").substr(0, 53),
            "run.yaml:1:43: dataset.datasets.0.type: expected one ");
  EXPECT_THAT(error("type: concat, datasets: [NUMBERS, ROWS]"),
              StartsWith("run.yaml:1:10: dataset: concat: samples of dataset 0 are {x: Long []}"));
  EXPECT_THAT(error("type: subset, dataset: NUMBERS, indices: [0], step: 2"),
              HasSubstr("dataset.indices: first, last and step say which samples too; remove one of the two"));
  EXPECT_THAT(error("type: subset, dataset: NUMBERS, indices: [2]"), HasSubstr("the dataset has 2 samples"));
  EXPECT_THAT(error("type: subset, dataset: NUMBERS, last: 3"),
              HasSubstr("there is no slice from 0 to 3: the dataset"));
  EXPECT_THAT(error("type: random_split, dataset: NUMBERS, lengths: [1, 1], part: 2"),
              HasSubstr("dataset.part: there is no part 2: lengths has 2"));
  EXPECT_THAT(error("type: random_split, dataset: NUMBERS, lengths: [0.5, 1]"),
              HasSubstr("dataset.lengths: expected fractions that sum to 1, or numbers of samples"));
  EXPECT_THAT(error("type: random_split, dataset: NUMBERS, lengths: [2, 1]"),
              HasSubstr("dataset.lengths: random_split: lengths sum to 3; the dataset has 2 samples"));
  EXPECT_THAT(error("type: stack, datasets: [NUMBERS], names: [a, b]"),
              HasSubstr("dataset.names: expected 1 name, one for each dataset, found 2"));
  EXPECT_THAT(error("type: concat, datasets: [{type: tar_shards, shards: x}]"),
              HasSubstr("dataset.datasets.0.type: has samples of any shape"));
  EXPECT_THAT(
      error("type: chain, datasets: [NUMBERS]"),
      HasSubstr("dataset.datasets.0.type: has indices and is no stream, which a chain is made of; take concat"));
}

// Three numbers a stream.
struct Counting {
  int64_t given = 0;
  std::optional<at::Tensor> next(StreamContext&) {
    if (given == 3) return std::nullopt;
    return at::full({1}, ++given, at::kLong);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

TEST(CombinedStreams, AChainIsOfStreamsThatTheProgramAdds) {
  DatasetTypes types;
  types.add("counting", [](const Node&, const std::optional<Node>&) { return Counting(); });
  const auto load = [&](const std::string& datasets) {
    const auto run =
        document("dataset: {type: chain, datasets: [" + datasets + "]}\nloader: {batch_size: 6, num_streams: 1}");
    return build_loader(run["loader"], types);
  };
  const auto batch = load("{type: counting}, {type: counting}")->next();
  EXPECT_EQ(batch->data().sizes(), (std::vector<int64_t>{6, 1}));
  EXPECT_EQ(batch->data()[3].item<int64_t>(), 1);
  EXPECT_EQ(error_of<ConfigError>([&] { load("{type: counting}, {type: mnist, root: x}"); }),
            "run.yaml:1:60: dataset.datasets.1.type: expected the type of the first dataset of the chain");
  EXPECT_THAT(error_of<ConfigError>([&] { load("{type: counting}, {type: countin}"); }), HasSubstr("mean counting?"));
}

}  // namespace
}  // namespace millrace::configs::combined_datasets_test
