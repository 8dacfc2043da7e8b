#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/batch_sequence_sampler.h"
#include "millrace/samplers/distributed.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"

// The epoch that a sampler has when a loader is made of it.
namespace millrace::sampler_epochs_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Order = std::vector<int64_t>;

constexpr int64_t kSamples = 12;

struct Numbers {
  size_t size() const { return kSamples; }
  int64_t get(size_t index) const { return static_cast<int64_t>(index); }
  template <class Archive>
  void serialize(Archive&) {}
};

template <class Loader>
Order epoch_of_loader(Loader& loader) {
  Order order;
  while (const auto batch = loader.next())
    for (int64_t row = 0; row < batch->size(); ++row) order.push_back(batch->data()[row].template item<int64_t>());
  return order;
}

// A loader of a sampler that was told epoch 5 gives that, and then 6, as one that was told itself.
template <class Make>
void expect_the_samplers_epoch(const Make& make) {
  auto sampler = make();
  sampler.set_epoch(5);
  auto loader = make_data_loader(Numbers(), std::move(sampler), DataLoaderOptions(4).num_workers(1));
  auto told = make_data_loader(Numbers(), make(), DataLoaderOptions(4));
  EXPECT_EQ(loader->epoch(), 5);
  for (int64_t epoch = 5; epoch < 8; ++epoch) {
    told->set_epoch(epoch);
    EXPECT_EQ(epoch_of_loader(*loader), epoch_of_loader(*told)) << "epoch " << epoch;
    EXPECT_EQ(loader->epoch(), epoch + 1);
  }
  loader->set_epoch(0);
  told->set_epoch(0);
  EXPECT_EQ(epoch_of_loader(*loader), epoch_of_loader(*told)) << "epoch 0";
}

RandomSampler random_order() { return RandomSampler(kSamples, {.seed = 3}); }

TEST(SamplerEpochs, AreTheLoadersForEverySampler) {
  expect_the_samplers_epoch(random_order);
  expect_the_samplers_epoch([] { return DistributedSampler(kSamples, {.rank = 1, .num_replicas = 2, .seed = 4}); });
  expect_the_samplers_epoch([] { return Distributed(random_order(), {.rank = 0, .num_replicas = 3}); });
  expect_the_samplers_epoch([] { return RepeatSampler(random_order(), 2); });
  expect_the_samplers_epoch([] { return ShuffleBufferSampler(random_order(), 4, 1); });
  expect_the_samplers_epoch([] { return BatchSampler(random_order(), 3, false); });
  expect_the_samplers_epoch([] { return AnySampler(random_order()); });
  expect_the_samplers_epoch([] { return AnyBatchSampler(BatchSampler(AnySampler(random_order()), 3, false)); });
}

// torch::data's distributed samplers, by what they can do.
struct OfTorchData {
  size_t told = 0;
  size_t at = 0;

  void set_epoch(size_t epoch) { told = epoch; }
  size_t epoch() const { return told; }
  void reset(std::optional<size_t>) { at = 0; }
  std::optional<std::vector<size_t>> next(size_t count) {
    std::vector<size_t> batch;
    for (; batch.size() < count && at < kSamples; ++at) batch.push_back((at + told) % kSamples);
    return batch.empty() ? std::nullopt : std::optional(batch);
  }
};

TEST(SamplerEpochs, AreTheLoadersForTorchDatas) {
  expect_the_samplers_epoch([] { return OfTorchData(); });
  for (int64_t epoch = 0; epoch < 3; ++epoch) {  // As torch::data's users do it: a loader an epoch.
    OfTorchData sampler;
    sampler.set_epoch(static_cast<size_t>(epoch));
    EXPECT_EQ(epoch_of_loader(*make_data_loader(Numbers(), sampler, DataLoaderOptions(4))).front(), epoch);
  }
}

TEST(SamplerEpochs, AreThoseAStateGoesOnFrom) {
  const auto make = [](int64_t epoch) {
    auto sampler = random_order();
    sampler.set_epoch(epoch);
    return make_data_loader(Numbers(), std::move(sampler), DataLoaderOptions(4));
  };
  auto loader = make(5);
  loader->next();
  const auto state = loader->state_dict();
  EXPECT_EQ(state.epoch, 5);
  auto resumed = make(0);
  resumed->load_state_dict(state);
  EXPECT_EQ(resumed->epoch(), 5);
  EXPECT_EQ(epoch_of_loader(*resumed), epoch_of_loader(*loader));
}

// --- a sequence as sampler ---

TEST(SequenceAsSampler, GivesTheSamplesItNames) {
  const auto order_of = [](const auto& indices) {
    auto loader = make_data_loader(Numbers(), indices, DataLoaderOptions(2).num_workers(1));
    const Order first = epoch_of_loader(*loader);
    EXPECT_EQ(epoch_of_loader(*loader), first) << "in the second epoch";
    return first;
  };
  EXPECT_THAT(order_of(std::vector<int64_t>{3, 1, 2, 3}), ElementsAre(3, 1, 2, 3));
  EXPECT_THAT(order_of(std::vector<int64_t>{}), ElementsAre());
  EXPECT_THAT(order_of(std::array<uint16_t, 2>{7, 0}), ElementsAre(7, 0));
  EXPECT_THAT(order_of(std::list<size_t>{7, 0}), ElementsAre(7, 0));
  EXPECT_THAT(order_of(std::views::iota(4, 7)), ElementsAre(4, 5, 6));
  EXPECT_THAT(order_of(SequenceSampler({3, 1, 2})), ElementsAre(3, 1, 2));
  EXPECT_THAT(order_of(SequenceSampler({3})), ElementsAre(3));
}

TEST(SequenceAsSampler, MayBeAViewThatOnlyAMutableObjectWalks) {
  const auto is_odd = [](int64_t i) { return i % 2 == 1; };
  auto odd = std::views::iota(int64_t{0}, int64_t{8}) | std::views::filter(is_odd);
  auto loader = make_data_loader(Numbers(), odd, DataLoaderOptions(2));
  EXPECT_THAT(epoch_of_loader(*loader), ElementsAre(1, 3, 5, 7));
  auto of_temporary = make_data_loader(Numbers(), std::views::iota(0, 4) | std::views::filter(is_odd), 2);
  EXPECT_THAT(epoch_of_loader(*of_temporary), ElementsAre(1, 3));
  auto batches = std::views::iota(0, 3) |
                 std::views::transform([&](int i) { return std::views::iota(i, 5) | std::views::filter(is_odd); }) |
                 std::views::filter([](const auto&) { return true; });
  EXPECT_EQ(make_data_loader(Numbers(), batches)->size(), 3);
}

TEST(SequenceAsSampler, TakesACollateFunctionToo) {
  auto loader = make_data_loader(Numbers(), std::vector<int>{5, 4}, DataLoaderOptions(2),
                                 [](std::vector<int64_t> samples) { return samples; });
  EXPECT_EQ(loader->size(), 1);
  EXPECT_THAT(*loader->next(), ElementsAre(5, 4));
}

TEST(SequenceAsSampler, IsResumed) {
  const auto make = [] { return make_data_loader(Numbers(), SequenceSampler({3, 1, 2, 0, 9}), DataLoaderOptions(2)); };
  auto loader = make();
  loader->next();
  auto resumed = make();
  resumed->load_state_dict(loader->state_dict());
  EXPECT_THAT(epoch_of_loader(*resumed), ElementsAre(2, 0, 9));
  SequenceSampler shorter({1});
  EXPECT_THROW(shorter.load_state({0, 2}), std::invalid_argument);
}

std::vector<std::vector<int64_t>> batches_of_loader(DataLoader& loader) {
  std::vector<std::vector<int64_t>> batches;
  while (const auto batch = loader.next()) batches.push_back(batch->indices());
  return batches;
}

TEST(SequenceOfBatchesAsSampler, GivesTheBatchesItNames) {
  const auto batches_of = [](const auto& batches) {
    auto loader = make_data_loader(Numbers(), batches, DataLoaderOptions().num_workers(1));
    EXPECT_EQ(loader->size(), std::ranges::distance(batches));
    const auto first = batches_of_loader(*loader);
    EXPECT_EQ(batches_of_loader(*loader), first) << "in the second epoch";
    return first;
  };
  const std::vector<std::vector<int64_t>> batches = {{3, 1, 2}, {3}, {0, 9}};
  EXPECT_EQ(batches_of(batches), batches);
  EXPECT_EQ(batches_of(std::list<std::array<uint16_t, 2>>{{7, 0}, {1, 1}}),
            (std::vector<std::vector<int64_t>>{{7, 0}, {1, 1}}));
  EXPECT_EQ(batches_of(std::vector{std::views::iota(4, 7), std::views::iota(0, 1)}),
            (std::vector<std::vector<int64_t>>{{4, 5, 6}, {0}}));
  EXPECT_TRUE(batches_of(std::vector<std::vector<int>>{}).empty());
}

TEST(SequenceOfBatchesAsSampler, IsResumed) {
  const auto make = [] {
    return make_data_loader(Numbers(), BatchSequenceSampler{{3, 1}, {2}, {0, 9}}, DataLoaderOptions(2));
  };
  auto loader = make();
  loader->next();
  auto resumed = make();
  resumed->load_state_dict(loader->state_dict());
  EXPECT_EQ(batches_of_loader(*resumed), (std::vector<std::vector<int64_t>>{{2}, {0, 9}}));
  BatchSequenceSampler shorter{{1}};
  EXPECT_THROW(shorter.load_state({0, 2}), std::invalid_argument);
}

TEST(SequenceAsSampler, WithAnIndexOutsideIsAnErrorInItsTurn) {
  auto loader = make_data_loader(Numbers(), std::vector<int>{5, 12, 4}, DataLoaderOptions(1));
  EXPECT_TRUE(loader->next());
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const std::out_of_range& e) {
    EXPECT_THAT(e.what(), HasSubstr("the sampler gave index 12 for a dataset of 12 samples"));
  }
  EXPECT_THAT(epoch_of_loader(*loader), ElementsAre(4));
}

}  // namespace
}  // namespace millrace::sampler_epochs_test
