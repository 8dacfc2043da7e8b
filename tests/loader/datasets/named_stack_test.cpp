#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/combinators.h"

// Datasets of a StackDataset that have names, and parts of a Subset.
namespace millrace::named_stack_test {
namespace {

using ::testing::ElementsAre;

struct Captions {
  size_t size() const { return 4; }
  std::string get(size_t index) const { return "caption " + std::to_string(index); }
  std::string describe(size_t index) const { return "line " + std::to_string(index); }
  template <class Archive>
  void serialize(Archive&) {}
};

struct Lengths {
  size_t size() const { return 4; }
  float get(size_t index, SampleContext&) const { return 0.5F * static_cast<float>(index); }
  template <class Archive>
  void serialize(Archive&) {}
};

struct Pictures {
  size_t size() const { return 4; }
  at::Tensor get(size_t index) const { return at::full({2}, static_cast<int64_t>(index), at::kLong); }
  template <class Archive>
  void serialize(Archive&) {}
};

TensorDataset rows() { return TensorDataset({at::arange(4), at::arange(4, 8)}, {"x", "y"}); }

template <class D>
Batch first_batch(D dataset, int64_t workers = 0) {
  return *make_data_loader(std::move(dataset), DataLoaderOptions(4).num_workers(workers))->next();
}

TEST(NamedStack, GivesValuesByTheirDatasetsNames) {
  for (const int64_t workers : {0, 1}) {
    const auto batch = first_batch(
        StackDataset(Named{"picture", Pictures()}, Named{"caption", Captions()}, Named{"length", Lengths()}), workers);
    EXPECT_EQ(to_string(batch.columns()), "picture: Long [4, 2], caption: 4 strings, length: Double [4]");
    EXPECT_EQ(batch.strings("caption")[3], "caption 3");
    EXPECT_EQ(batch["picture"][2][1].item<int64_t>(), 2);
    EXPECT_EQ(batch["length"][3].item<double>(), 1.5);
  }
}

TEST(NamedStack, ReadsInPlaceWhereADatasetHasFieldsOfItsOwn) {
  for (const int64_t workers : {0, 1}) {
    const auto batch = first_batch(StackDataset(Named{"picture", Pictures()}, Named{"row", rows()}), workers);
    EXPECT_EQ(to_string(batch.columns()), "picture: Long [4, 2], row.x: Long [4], row.y: Long [4]");
    EXPECT_EQ(batch["row.y"][1].item<int64_t>(), 5);
    EXPECT_EQ(batch["picture"][3][0].item<int64_t>(), 3);
  }
}

TEST(NamedStack, WithoutNamesIsNumberedAsBefore) {
  EXPECT_EQ(to_string(StackDataset(rows(), Pictures()).spec()), "0.x: Long [], 0.y: Long [], 1.data: Long [2]");
}

TEST(NamedStack, DescribesItsSamples) {
  const StackDataset stack(Named{"a", Pictures()}, Named{"b", Captions()});
  EXPECT_EQ(stack.describe(2), "line 2");
}

template <class Error, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(NamedStack, RefusesNamesThatTellNothing) {
  EXPECT_EQ(message_of<std::invalid_argument>(
                [] { StackDataset(Named{"a", Pictures()}, Named{"b", Pictures()}, Named{"a", Captions()}); }),
            "StackDataset: two datasets have the name 'a'");
  EXPECT_EQ(message_of<std::invalid_argument>([] { StackDataset(Named{"", Pictures()}); }),
            "StackDataset: names must not be empty");
}

template <class D>
std::vector<int64_t> indices_of(const Subset<D>& subset) {
  return {subset.indices().begin(), subset.indices().end()};
}

TEST(SubsetSlices, AreThoseOfTheSubset) {
  const Subset tens(Lengths(), {3, 1, 2, 0, 3});
  EXPECT_THAT(indices_of(tens.slice(1, 4)), ElementsAre(1, 2, 0));
  EXPECT_THAT(indices_of(tens.slice(0, 5, 2)), ElementsAre(3, 2, 3));
  EXPECT_THAT(indices_of(tens.slice(1, 5, 100)), ElementsAre(1));
  EXPECT_THAT(indices_of(tens.slice(2, 2)), ElementsAre());
  EXPECT_THAT(indices_of(tens.slice(0, 5).slice(3, 5)), ElementsAre(0, 3));
  EXPECT_EQ(message_of<std::out_of_range>([&] { tens.slice(2, 6); }),
            "Subset: there is no slice from 2 to 6 of 5 samples");
  EXPECT_EQ(message_of<std::out_of_range>([&] { tens.slice(3, 2); }),
            "Subset: there is no slice from 3 to 2 of 5 samples");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { tens.slice(0, 2, 0); }),
            "Subset: the step of a slice must be positive, but it is 0");
}

TEST(SubsetSlices, AreMadeOfRanges) {
  EXPECT_THAT(indices_of(Subset(Lengths(), std::views::iota(1, 4))), ElementsAre(1, 2, 3));
  EXPECT_THAT(indices_of(Subset(Lengths(), std::vector<size_t>{2, 2})), ElementsAre(2, 2));
  EXPECT_THROW(Subset(Lengths(), std::views::iota(3, 5)), std::out_of_range);
}

}  // namespace
}  // namespace millrace::named_stack_test
