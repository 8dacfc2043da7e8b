#include "millrace/apps/millrace/synthetic.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"

namespace millrace::apps {
namespace {

template <class Dataset>
Batch first_batch(Dataset dataset, const DataLoaderOptions& options) {
  auto loader = make_data_loader(std::move(dataset), options);
  return *loader->next();
}

TEST(Filled, HoldsTheSamplesNumberInEveryElement) {
  for (const auto dtype : {c10::ScalarType::Byte, c10::ScalarType::Long, c10::ScalarType::Float}) {
    const auto batch = first_batch(Filled(200, dtype, {2, 3}), DataLoaderOptions(200));
    ASSERT_EQ(batch.data().scalar_type(), dtype);
    const auto values = batch.data().to(at::kLong);
    for (int64_t i = 0; i < 200; ++i) EXPECT_TRUE(values[i].eq(i % 97).all().item<bool>()) << i;
  }
}

TEST(Filled, HasAsManyFieldsAsItIsTold) {
  const auto batch = first_batch(Filled(3, c10::ScalarType::Long, {2}, 3), DataLoaderOptions(3));
  for (const char* name : {"data", "data1", "data2"}) EXPECT_EQ(batch[name].sum().item<int64_t>(), 2 * (0 + 1 + 2));
}

TEST(Filled, RefusesWhatItCannotFill) {
  EXPECT_THROW(Filled(1, c10::ScalarType::Byte, {2}, 0), std::invalid_argument);
  EXPECT_THROW(Filled(0, c10::ScalarType::Byte, {2}), std::invalid_argument);
  EXPECT_THROW(Filled(1, c10::ScalarType::Byte, {2, 0}), std::invalid_argument);
  EXPECT_THROW(Filled(1, c10::ScalarType::Half, {2}), std::invalid_argument);
}

TEST(Rows, AreTheSameForTheSameSeedInTrainerAndWorkers) {
  const auto here = first_batch(Rows(64, 16, 5), DataLoaderOptions(64));
  const auto there = first_batch(Rows(64, 16, 5), DataLoaderOptions(64).num_workers(2));
  const auto other = first_batch(Rows(64, 16, 6), DataLoaderOptions(64));
  EXPECT_TRUE(here.data().equal(there.data()));
  EXPECT_TRUE(here.target().equal(there.target()));
  EXPECT_FALSE(here.data().equal(other.data()));
}

TEST(Rows, AreLabelledWithTheirNumber) {
  const auto batch = first_batch(Rows(10, 4, 1), DataLoaderOptions(10));
  EXPECT_EQ(batch.data().sizes(), (std::vector<int64_t>{10, 4}));
  for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(batch.target()[i].item<int64_t>(), i);
}

TEST(Rows, RefuseAnEmptyTable) {
  EXPECT_THROW(Rows(0, 16, 1), std::invalid_argument);
  EXPECT_THROW(Rows(16, 0, 1), std::invalid_argument);
}

}  // namespace
}  // namespace millrace::apps
