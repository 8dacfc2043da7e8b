#include "millrace/samplers/torch_sampler.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data.h>

#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/tests/support/process_probe.h"

// Beside torch::data's own loader, whose dataset here gives back the request.
namespace millrace::torch_sampler_test {
namespace {

namespace td = torch::data;
using Indices = std::vector<int64_t>;
using Batches = std::vector<Indices>;

void seed_global(uint64_t seed) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

struct Requested : td::datasets::BatchDataset<Requested, Indices> {
  Indices get_batch(at::ArrayRef<size_t> request) override { return {request.begin(), request.end()}; }
  std::optional<size_t> size() const override { return std::nullopt; }
};

struct RequestedSize : td::datasets::BatchDataset<RequestedSize, size_t, size_t> {
  size_t get_batch(size_t request) override { return request; }
  std::optional<size_t> size() const override { return std::nullopt; }
};

template <SamplerOfBatches S>
Batches rest_of_epoch(S& sampler) {
  Batches all;
  for (Indices batch; sampler.next(batch);) all.push_back(batch);
  return all;
}

template <SamplerOfBatches S>
Batches epoch(S sampler, int64_t number = 0) {
  sampler.set_epoch(number);
  return rest_of_epoch(sampler);
}

// Three epochs of torch::data's loader and of ours, with the global generator seeded and used between them alike.
template <class S>
void expect_the_loaders_batches(int64_t n, int64_t batch_size, bool drop_last) {
  const td::DataLoaderOptions options = td::DataLoaderOptions(static_cast<size_t>(batch_size)).drop_last(drop_last);
  seed_global(static_cast<uint64_t>(n));
  auto loader = td::make_data_loader(Requested(), S(static_cast<size_t>(n)), options);
  std::vector<Batches> theirs;
  for (int e = 0; e < 3; ++e) {
    auto& batches = theirs.emplace_back();
    for (auto& batch : *loader) batches.push_back(batch);
    at::rand({static_cast<int64_t>(e)});
  }
  seed_global(static_cast<uint64_t>(n));
  TorchSampler sampler(S(static_cast<size_t>(n)), n, batch_size, drop_last);
  for (int e = 0; e < 3; ++e) {
    sampler.set_epoch(e);
    EXPECT_EQ(rest_of_epoch(sampler), theirs[static_cast<size_t>(e)]) << "n=" << n << " batch_size=" << batch_size;
    EXPECT_EQ(std::ssize(theirs[static_cast<size_t>(e)]), sampler.size());
    at::rand({static_cast<int64_t>(e)});
  }
}

TEST(TorchSampler, GivesTheBatchesOfTorchDatasOwnLoader) {
  auto random = test::seeded_generator();
  for (int i = 0; i < 50; ++i) {
    const int64_t n = std::uniform_int_distribution<int64_t>(1, 100)(random);
    const int64_t batch_size = std::uniform_int_distribution<int64_t>(1, 20)(random);
    const bool drop_last = i % 2 == 1;
    expect_the_loaders_batches<td::samplers::SequentialSampler>(n, batch_size, drop_last);
    expect_the_loaders_batches<td::samplers::RandomSampler>(n, batch_size, drop_last);
  }
}

TEST(TorchSampler, NumbersTheExamplesOfAStream) {
  auto loader = td::make_data_loader(RequestedSize(), td::samplers::StreamSampler(39), td::DataLoaderOptions(16));
  TorchSampler sampler(td::samplers::StreamSampler(39), 39, 16, false);
  for (int e = 0; e < 2; ++e) {
    sampler.set_epoch(e);
    Indices numbers, batch;
    for (const size_t size : *loader) {
      ASSERT_TRUE(sampler.next(batch));
      EXPECT_EQ(batch.size(), size);
      numbers.insert(numbers.end(), batch.begin(), batch.end());
    }
    EXPECT_FALSE(sampler.next(batch));
    Indices expected(39);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(numbers, expected);
  }
}

// torch::data's loader cannot be told the epoch (pytorch issue 73141), so here its samplers speak for themselves.
template <class S>
void expect_every_epoch_of_every_rank() {
  constexpr size_t kSamples = 10, kRanks = 3;
  for (const bool allow_duplicates : {true, false})
    for (size_t rank = 0; rank < kRanks; ++rank) {
      S theirs(kSamples, kRanks, rank, allow_duplicates);
      const int64_t share = epoch_size(theirs);
      EXPECT_EQ(share, allow_duplicates ? 4 : 3);
      AnyBatchSampler ours = TorchSampler(theirs, share, 2, false);
      EXPECT_EQ(ours.size(), 2);
      for (size_t e = 0; e < 3; ++e) {
        theirs.set_epoch(e);
        theirs.reset();
        Batches expected;
        while (const auto batch = theirs.next(2)) expected.emplace_back(batch->begin(), batch->end());
        ours.set_epoch(static_cast<int64_t>(e));
        EXPECT_EQ(rest_of_epoch(ours), expected) << "rank " << rank << ", epoch " << e;
      }
    }
}

TEST(TorchSampler, TellsDistributedSamplersTheEpoch) {
  expect_every_epoch_of_every_rank<td::samplers::DistributedSequentialSampler>();
  expect_every_epoch_of_every_rank<td::samplers::DistributedRandomSampler>();
  const TorchSampler sampler(td::samplers::DistributedRandomSampler(100, 2, 1), 50, 50, false);
  EXPECT_NE(epoch(sampler, 0), epoch(sampler, 1));
  EXPECT_EQ(epoch(sampler, 1), epoch(sampler, 1));
}

template <class Make>
void expect_exact_resume(const Make& make) {
  auto sampler = make();
  for (int64_t e = 0; e < 2; ++e) {
    sampler.set_epoch(e);
    std::vector<SamplerState> states;
    Batches all;
    do {
      states.push_back(sampler.state());
      all.emplace_back();
    } while (sampler.next(all.back()));
    all.pop_back();
    for (size_t k = 0; k < states.size(); ++k) {
      seed_global(999);  // As in another process, where other things were drawn.
      auto resumed = make();
      resumed.load_state(states[k]);
      EXPECT_EQ(rest_of_epoch(resumed), Batches(all.begin() + static_cast<std::ptrdiff_t>(k), all.end()))
          << to_string(states[k]);
    }
  }
}

TEST(TorchSampler, ResumesAtEveryBatch) {
  expect_exact_resume([] { return TorchSampler(td::samplers::SequentialSampler(11), 11, 3, false); });
  expect_exact_resume([] { return TorchSampler(td::samplers::RandomSampler(11), 11, 3, false); });
  expect_exact_resume([] { return TorchSampler(td::samplers::StreamSampler(11), 11, 3, false); });
  expect_exact_resume([] {
    const td::samplers::DistributedRandomSampler sampler(23, 2, 1);
    return TorchSampler(sampler, epoch_size(sampler), 3, true);
  });
}

TEST(TorchSampler, GoesOnWithAnotherBatchSize) {
  AnyBatchSampler by_three = TorchSampler(td::samplers::RandomSampler(10), 10, 3, false);
  EXPECT_EQ(by_three.position_unit(), PositionUnit::kIndices);
  Indices batch, rest;
  by_three.next(batch);
  const SamplerState state = by_three.state();
  for (const auto& each : rest_of_epoch(by_three)) rest.insert(rest.end(), each.begin(), each.end());
  TorchSampler by_seven(td::samplers::RandomSampler(10), 10, 7, false);
  by_seven.load_state(state);
  EXPECT_EQ(rest_of_epoch(by_seven), Batches{rest});
}

TEST(TorchSampler, LeavesTheGlobalGeneratorAloneForDistributedSamplers) {
  const at::Generator global = at::detail::getDefaultCPUGenerator();
  TorchSampler sampler(td::samplers::DistributedRandomSampler(10), 10, 3, false);
  const at::Tensor before = global.get_state();
  epoch(sampler);
  sampler.load_state(sampler.state());
  EXPECT_TRUE(before.equal(global.get_state()));
}

TEST(TorchSampler, BeginsInTheEpochThatADistributedSamplerHas) {
  td::samplers::DistributedRandomSampler told(20), restored(20);
  told.set_epoch(3);
  EXPECT_EQ(TorchSampler(told, 20, 20, false).epoch(), 3);
  torch::serialize::OutputArchive saved;
  told.save(saved);
  std::stringstream file;
  saved.save_to(file);
  torch::serialize::InputArchive archive;
  archive.load_from(file);
  restored.load(archive);
  AnyBatchSampler sampler = TorchSampler(restored, 20, 20, false);
  EXPECT_EQ(sampler.epoch(), 3);
  EXPECT_EQ(sampler.state().epoch, 3);
  const TorchSampler fresh(td::samplers::DistributedRandomSampler(20), 20, 20, false);
  EXPECT_EQ(fresh.epoch(), 0);
  EXPECT_EQ(rest_of_epoch(sampler), epoch(fresh, 3));
}

// Takes each of n samples with a probability, as in Poisson sampling: batches of any size, of none too.
struct Poisson : td::samplers::Sampler<> {
  explicit Poisson(size_t n) : n_(n) {}
  void reset(std::optional<size_t>) override { steps_ = 0; }
  std::optional<std::vector<size_t>> next(size_t) override {
    if (steps_++ == 30) return std::nullopt;
    std::vector<size_t> batch;
    const at::Tensor draws = at::rand({static_cast<int64_t>(n_)});
    for (size_t i = 0; i < n_; ++i)
      if (draws[static_cast<int64_t>(i)].item<float>() < 0.1F) batch.push_back(i);
    return batch;
  }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

  size_t n_;
  int steps_ = 0;
};

TEST(TorchSampler, GivesEmptyBatchesAsTheyComeAndGoesOn) {
  seed_global(1);
  const Batches batches = epoch(TorchSampler(Poisson(7), 7, 7, false));
  EXPECT_EQ(batches.size(), 30U);
  EXPECT_THAT(batches, testing::Contains(Indices()));
  seed_global(1);
  for (const auto& batch : epoch(TorchSampler(Poisson(7), 7, 1, true))) EXPECT_FALSE(batch.empty());
}

// An epoch may give more indices than there are samples. Empty batches have no position of their own.
TEST(TorchSampler, ResumesAmongEmptyBatches) {
  const auto without_empty = [](Batches batches) {
    std::erase_if(batches, [](const Indices& batch) { return batch.empty(); });
    return batches;
  };
  seed_global(2);
  TorchSampler sampler(Poisson(7), 7, 7, false);
  Indices batch;
  for (int k = 0; k < 25; ++k) {
    ASSERT_TRUE(sampler.next(batch));
    const SamplerState state = sampler.state();
    TorchSampler ahead = sampler;
    const at::Tensor here = at::detail::getDefaultCPUGenerator().get_state();
    const Batches rest = rest_of_epoch(ahead);
    TorchSampler resumed(Poisson(7), 7, 7, false);
    resumed.load_state(state);
    EXPECT_EQ(without_empty(rest_of_epoch(resumed)), without_empty(rest)) << to_string(state);
    at::Generator global = at::detail::getDefaultCPUGenerator();
    global.set_state(here);
  }
  EXPECT_GT(sampler.state().position, 7);
}

TEST(TorchSampler, TakesWhatDerivesFromTorchDatasSampler) {
  struct Odd : td::samplers::Sampler<> {
    size_t at = 1;
    void reset(std::optional<size_t>) override { at = 1; }
    std::optional<std::vector<size_t>> next(size_t batch_size) override {
      std::vector<size_t> batch;
      for (; batch.size() < batch_size && at < 10; at += 2) batch.push_back(at);
      return batch.empty() ? std::nullopt : std::optional(batch);
    }
    void save(torch::serialize::OutputArchive&) const override {}
    void load(torch::serialize::InputArchive&) override {}
  };
  EXPECT_EQ(epoch(TorchSampler(Odd(), 5, 2, false)), (Batches{{1, 3}, {5, 7}, {9}}));
  EXPECT_EQ(epoch(TorchSampler(Odd(), 5, 2, true)), (Batches{{1, 3}, {5, 7}}));
}

// A request that is more than indices or their number would lose what it says.
struct OwnRequest : td::samplers::CustomBatchRequest {
  size_t size() const override { return 1; }
};
struct OwnRequests {
  void reset(std::optional<size_t>);
  std::optional<OwnRequest> next(size_t);
};
static_assert(!TorchDataSampler<OwnRequests> && TorchDataSampler<td::samplers::StreamSampler>);
static_assert(!TorchDataSamplerOfEpochs<td::samplers::RandomSampler>);

TEST(TorchSampler, RefusesWhatMakesNoSense) {
  const auto message_of = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  using td::samplers::SequentialSampler;
  EXPECT_THAT(message_of([] { TorchSampler(SequentialSampler(3), -1, 2, false); }), testing::HasSubstr("size=-1"));
  EXPECT_THAT(message_of([] { TorchSampler(SequentialSampler(3), 3, 0, false); }), testing::HasSubstr("batch_size=0"));
  TorchSampler longer(SequentialSampler(9), 9, 2, false), shorter_than_said(SequentialSampler(3), 9, 2, false);
  SamplerState state = longer.state();
  state.position = 10;
  EXPECT_EQ(message_of([&] { longer.load_state(state); }),
            "TorchSampler: cannot go to position 10 of an epoch of 9; the state is of another sampler or of one with "
            "other arguments");
  state.position = 4;
  EXPECT_THAT(message_of([&] { shorter_than_said.load_state(state); }),
              testing::HasSubstr("cannot go to position 4 of an epoch of 3"));
}

}  // namespace
}  // namespace millrace::torch_sampler_test
