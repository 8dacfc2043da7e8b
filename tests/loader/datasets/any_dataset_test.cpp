#include "millrace/loader/datasets/any_dataset.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/tests/loader/datasets/reading.h"

namespace millrace::any_dataset_test {
namespace {

using millrace::test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Pairs of numbers that are got; sample i is labelled i % 3.
struct Got {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  std::pair<int64_t, at::Tensor> get(size_t i, SampleContext& context) const {
    return {static_cast<int64_t>(i), at::full({2}, context.rng().uniform(), at::kDouble)};
  }
  int64_t label(size_t i) const { return static_cast<int64_t>(i % 3); }
  std::string describe(size_t i) const { return "got " + std::to_string(i); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

// What cannot be sent to another process.
struct Rooted {
  explicit Rooted(int64_t count) : n(count) {}
  int64_t n;
  size_t size() const { return static_cast<size_t>(n); }
  int64_t get(size_t i) const { return static_cast<int64_t>(i); }
};

TensorDataset tensors(int64_t begin, int64_t end) { return TensorDataset({at::arange(begin, end)}, {"data"}); }

TEST(AnyDataset, ReadsWhatTheDatasetInsideReads) {
  test::expect_the_same_in_every_mode(AnyDataset(Got{23}));
  EXPECT_EQ(test::hash_of(AnyDataset(Got{23}), testing::kInline), test::hash_of(Got{23}, testing::kInline));
  EXPECT_EQ(test::hash_of(AnyDataset(tensors(0, 9)), testing::kInline), test::hash_of(tensors(0, 9), testing::kInline));
  EXPECT_EQ(to_string(AnyDataset(Got{23}).spec()), "0: Long [], 1: Double [2]");
}

TEST(AnyDataset, PartsOfSeveralTypesAreOneDataset) {
  const ConcatDataset<AnyDataset> all({Subset(Rooted(7), {6, 5}), ConcatDataset<TensorDataset>({tensors(1, 3)})});
  const auto batch = test::read_all(all);
  EXPECT_THAT(std::vector<int64_t>(batch.data().const_data_ptr<int64_t>(), batch.data().const_data_ptr<int64_t>() + 4),
              ElementsAre(6, 5, 1, 2));
}

TEST(AnyDataset, TellsLabelsAndNamesWhereTheDatasetInsideDoes) {
  const AnyDataset got = Subset(ConcatDataset<Got>({Got{2}, Got{4}}), {0, 5});
  EXPECT_EQ(got.label(1), 0);
  EXPECT_EQ(got.describe(1), "got 3");
  EXPECT_EQ(AnyDataset(Rooted(1)).describe(0), "");
  EXPECT_THAT(error_of([] { AnyDataset(Rooted(1)).label(0); }), HasSubstr("does not tell the classes"));
}

TEST(AnyDataset, CopiesCopyTheDatasetInside) {
  AnyDataset one = Got{3};
  const AnyDataset other = one;
  one = Got{5};
  EXPECT_EQ(other.size(), 3U);
  EXPECT_EQ(one.size(), 5U);
  EXPECT_THAT(error_of([] { AnyDataset().size(); }), HasSubstr("holds no dataset"));
}

TEST(AnyDataset, OneThatCannotTravelIsRefusedWithTheCure) {
  EXPECT_THAT(error_of([] { make_data_loader(AnyDataset(Rooted(4)), DataLoaderOptions(2).num_workers(1)); }),
              HasSubstr("cannot be sent to workers: give it serialize()"));
  EXPECT_EQ(test::read_all(AnyDataset(Rooted(4))).size(), 4);
}

}  // namespace
}  // namespace millrace::any_dataset_test
