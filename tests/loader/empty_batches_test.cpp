#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/tests/conformance/places.h"

// Samplers that give batches of no samples, in every kind of worker.
namespace millrace::empty_batches_test {
namespace {

using ::testing::ElementsAre;
using Sizes = std::vector<int64_t>;

constexpr int64_t kSamples = 6;

struct Rows {
  size_t size() const { return kSamples; }
  Example get(size_t index) const {
    if (fails) throw std::runtime_error("it cannot be read");
    return {at::full({2, 3}, static_cast<int64_t>(index), at::kLong), at::full({}, 0.5)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(fails);
  }
  bool fails = false;
};

struct Whole {
  size_t size() const { return kSamples; }
  std::vector<int64_t> get_batch(const std::vector<size_t>& indices) const {
    if (indices.empty()) throw std::logic_error("nobody should ask for no samples");
    return {indices.begin(), indices.end()};
  }
  template <class Archive>
  void serialize(Archive&) {}
};

// Gives one, no, two, no, no, and three samples: as PyTorch's Poisson samplers do, and not by the size it is asked for.
struct Own {
  std::vector<std::vector<int64_t>> batches = {{0}, {}, {1, 2}, {}, {}, {3, 4, 5}};
  size_t at = 0;

  int64_t size() const { return std::ssize(batches); }
  void set_epoch(int64_t) { at = 0; }
  bool next(std::vector<int64_t>& batch) {
    batch.clear();
    if (at == batches.size()) return false;
    batch = batches[at++];
    return true;
  }
};

// The same for torch::data's loader.
struct OfTorchData {
  Own own;
  void reset(std::optional<size_t>) { own.at = 0; }
  std::optional<std::vector<size_t>> next(size_t) {
    std::vector<int64_t> batch;
    if (!own.next(batch)) return std::nullopt;
    return std::vector<size_t>(batch.begin(), batch.end());
  }
};

class Empty : public ::testing::TestWithParam<millrace::testing::Place> {
 protected:
  DataLoaderOptions options(EmptyBatches empty = EmptyBatches::kLeftOut) const {
    return GetParam().options(3).empty_batches(empty).in_order(true);
  }
};

template <class Loader>
Sizes sizes_of(Loader& loader) {
  Sizes sizes;
  while (const auto batch = loader.next()) sizes.push_back(static_cast<int64_t>(batch->size()));
  return sizes;
}

TEST_P(Empty, AreLeftOutWhoeverGivesThem) {
  EXPECT_THAT(sizes_of(*make_data_loader(Rows(), Own(), options())), ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes_of(*make_data_loader(Rows(), OfTorchData(), options())), ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes_of(*make_data_loader(Whole(), Own(), options())), ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes_of(*make_data_loader(Whole(), OfTorchData(), options())), ElementsAre(1, 2, 3));
}

TEST_P(Empty, AreGivenWhereTheyAreWanted) {
  const auto wanted = options(EmptyBatches::kGiven);
  for (int epoch = 0; epoch < 2; ++epoch) {
    EXPECT_THAT(sizes_of(*make_data_loader(Rows(), Own(), wanted)), ElementsAre(1, 0, 2, 0, 0, 3));
    EXPECT_THAT(sizes_of(*make_data_loader(Rows(), OfTorchData(), wanted)), ElementsAre(1, 0, 2, 0, 0, 3));
    EXPECT_THAT(sizes_of(*make_data_loader(Whole(), Own(), wanted)), ElementsAre(1, 0, 2, 0, 0, 3));
    EXPECT_THAT(sizes_of(*make_data_loader(Whole(), OfTorchData(), wanted)), ElementsAre(1, 0, 2, 0, 0, 3));
  }
}

TEST_P(Empty, HaveTheFieldsOfTheOthersWithNoRows) {
  auto loader = make_data_loader(Rows(), Own(), options(EmptyBatches::kGiven));
  loader->next();
  const auto batch = loader->next();
  EXPECT_EQ(batch->size(), 0);
  EXPECT_EQ(batch->data().sizes(), (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(batch->data().scalar_type(), at::kLong);
  EXPECT_EQ(batch->target().sizes(), (std::vector<int64_t>{0}));
}

TEST_P(Empty, AreGivenWhereAllSamplesWereSkipped) {
  const auto left = options().on_error(OnError::kSkip).max_sample_bytes(64);
  const auto given = DataLoaderOptions(left).empty_batches(EmptyBatches::kGiven);
  const auto collate = [](std::vector<Example> examples) { return std::vector<int64_t>(examples.size()); };
  EXPECT_THAT(sizes_of(*make_data_loader(Rows{true}, left, collate)), ElementsAre());
  EXPECT_THAT(sizes_of(*make_data_loader(Rows{true}, given, collate)), ElementsAre(0, 0));
}

TEST_P(Empty, DoNotStopAResume) {
  for (const auto empty : {EmptyBatches::kLeftOut, EmptyBatches::kGiven}) {
    const auto make = [&] { return make_data_loader(Rows(), OfTorchData(), options(empty)); };
    auto loader = make();
    std::optional<Batch> batch;
    do batch = loader->next();
    while (batch && batch->size() != 2);
    const auto state = loader->state_dict();
    const Sizes rest = sizes_of(*loader);
    auto resumed = make();
    resumed->load_state_dict(state);
    EXPECT_EQ(sizes_of(*resumed), rest);
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Empty, ::testing::ValuesIn(millrace::testing::quickest_places()),
                         millrace::testing::place_name);

}  // namespace
}  // namespace millrace::empty_batches_test
