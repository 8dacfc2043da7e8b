// What is broken in torch::data's loader (torch 2.11), each shown to work here. Where it costs nothing the defect
// itself is shown beside it, so that this file says when torch mends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/conformance/torch_datasets.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

namespace td = torch::data;
using namespace millrace::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class LoaderDefects : public ::testing::TestWithParam<Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
};

INSTANTIATE_TEST_SUITE_P(Places, LoaderDefects, ::testing::ValuesIn(quick_places()), place_name);

std::vector<int> counted(int first, int end) {
  std::vector<int> numbers(static_cast<size_t>(end - first));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

template <class L>
std::vector<std::vector<int>> batches_of_epoch(L& loader) {
  std::vector<std::vector<int>> batches;
  for (auto& batch : *loader) batches.push_back(batch);
  return batches;
}

// Every fifth sample cannot be read.
struct EveryFifth : td::datasets::Dataset<EveryFifth, int> {
  int get(size_t index) override {
    if (index % 5 == 0) throw std::runtime_error("sample " + std::to_string(index) + " is bad");
    return static_cast<int>(index);
  }
  std::optional<size_t> size() const override { return 40; }
  template <class Archive>
  void serialize(Archive&) {}
};

struct Outcome {
  int good = 0;
  int bad = 0;
  bool operator==(const Outcome&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& o) { return out << o.good << "+" << o.bad; }
};

// How a user goes on after errors: in a loop that is entered again.
template <class Loader>
Outcome go_through(Loader& loader) {
  Outcome outcome;
  auto i = loader->begin();
  for (bool ended = false; !ended;) {
    try {
      for (; i != loader->end(); ++i) ++outcome.good;
      ended = true;
    } catch (const std::exception&) {
      ++outcome.bad;
    }
  }
  return outcome;
}

TEST_P(LoaderDefects, AnEpochIsNotCutShortAfterErrors) {
  auto loader = make_data_loader(EveryFifth(), options(1));
  for (int epoch = 0; epoch < 2; ++epoch) EXPECT_EQ(go_through(loader), (Outcome{32, 8})) << "epoch " << epoch;
}

TEST(TorchDatasOwnLoader, CutsAnEpochShortAfterErrors) {
  auto loader =
      td::make_data_loader<td::samplers::SequentialSampler>(EveryFifth(), td::DataLoaderOptions(1).workers(1));
  Outcome outcome;
  auto i = loader->begin();
  for (bool ended = false; !ended;) {
    try {
      if (i == loader->end()) break;
      ++outcome.good;
      ++i;
    } catch (const std::exception&) {
      ++outcome.bad;
      ended = outcome.bad > 8;
    }
  }
  EXPECT_LT(outcome.good, 32);
}

TEST_P(LoaderDefects, AStatefulDatasetGoesOnAfterErrors) {
  auto loader = make_data_loader(Counter(40, 10), options(2));  // 10, 20 and 30 are bad.
  for (int epoch = 0; epoch < 2; ++epoch) EXPECT_EQ(go_through(loader), (Outcome{17, 3})) << "epoch " << epoch;
}

TEST_P(LoaderDefects, AStatefulDatasetsBadBatchesAreSkippedWhereWished) {
  auto loader = make_data_loader(Counter(40, 10), options(2).on_error(OnError::kSkip));
  EXPECT_THAT(batches_of_epoch(loader), SizeIs(17));
  EXPECT_EQ(loader->stats().skipped_samples, 6U);
}

template <class Make>
void resumes_and_goes_on(const Make& make, const std::vector<std::vector<int>>& epoch) {
  for (size_t k = 0; k < epoch.size(); ++k) {
    LoaderState state;
    {
      auto loader = make();
      for (size_t i = 0; i < k; ++i) ASSERT_EQ(*loader->next(), epoch[i]);
      state = loader_state_from_string(to_string(loader->state_dict()));
    }
    auto loader = make();
    loader->load_state_dict(state);
    EXPECT_EQ(batches_of_epoch(loader), std::vector(epoch.begin() + static_cast<std::ptrdiff_t>(k), epoch.end()))
        << "the rest behind batch " << k;
    EXPECT_EQ(batches_of_epoch(loader), epoch) << "epoch 2";
    EXPECT_EQ(batches_of_epoch(loader), epoch) << "epoch 3";
  }
}

// There the second and third epoch after a resume have no samples.
TEST_P(LoaderDefects, ChunkDatasetResumesAndLaterEpochsAreComplete) {
  if (GetParam().start_method == StartMethod::kSpawn) GTEST_SKIP() << "a second a loader";
  resumes_and_goes_on([&] { return make_data_loader(recipe(ordered_chunks, 3, 10, 0, 1, 8), options(8)); },
                      {counted(0, 8), counted(8, 16), counted(16, 24), counted(24, 30)});
}

TEST_P(LoaderDefects, AStatefulDatasetResumesPastErrors) {
  if (GetParam().start_method == StartMethod::kSpawn) GTEST_SKIP() << "a second a loader";
  const auto make = [&] { return make_data_loader(Counter(12, 4), options(2)); };  // 4 and 8 are bad.
  auto first = make();
  EXPECT_THAT(*first->next(), ElementsAre(0, 1));
  EXPECT_THAT(*first->next(), ElementsAre(2, 3));
  EXPECT_THROW(first->next(), SampleError);
  EXPECT_THAT(*first->next(), ElementsAre(6, 7));
  auto second = make();
  second->load_state_dict(first->state_dict());
  EXPECT_THROW(second->next(), SampleError);
  EXPECT_THAT(*second->next(), ElementsAre(10, 11));
  EXPECT_FALSE(second->next().has_value());
}

auto shuffled_chunks() {
  return td::datasets::make_shared_dataset<ShuffledChunks>(ChunkReader(4, 5), td::samplers::RandomSampler(0),
                                                           td::samplers::RandomSampler(0),
                                                           td::datasets::ChunkDatasetOptions(1, 6));
}

// The chunks' random order is drawn from the global generator, which in a worker process is the loader's to seed.
TEST_P(LoaderDefects, ShuffledChunksResumeInProcesses) {
  if (!GetParam().survives_deaths()) GTEST_SKIP() << "the global generator is the user's";
  const auto make = [&] { return make_data_loader(recipe(shuffled_chunks), options(6).seed(3)); };
  auto first = make();
  const auto zero = batches_of_epoch(first), one = batches_of_epoch(first);
  EXPECT_NE(zero, one);
  for (const auto* epoch : {&zero, &one}) {
    std::vector<int> all;
    for (const auto& batch : *epoch) all.insert(all.end(), batch.begin(), batch.end());
    EXPECT_FALSE(std::is_sorted(all.begin(), all.end()));
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, counted(0, 20));
  }
  auto second = make();
  for (size_t i = 0; i < zero.size() + 2; ++i) second->next();  // The end of epoch 0 is one of them.
  auto third = make();
  third->load_state_dict(second->state_dict());
  EXPECT_EQ(batches_of_epoch(third), std::vector(one.begin() + 1, one.end()));
}

struct Noise : td::datasets::Dataset<Noise, float> {
  float get(size_t) override { return torch::rand({1}).item<float>(); }
  std::optional<size_t> size() const override { return 16; }
  template <class Archive>
  void serialize(Archive&) {}
};

// Worker processes begin as copies of each other: unseeded, all of them would draw the same.
TEST_P(LoaderDefects, WhatDatasetsDrawFromTheGlobalGeneratorDiffersBetweenWorkersAndNotWithTheirNumber) {
  if (!GetParam().survives_deaths()) GTEST_SKIP() << "the global generator is the user's";
  const auto epochs = [&](int64_t workers) {
    auto loader = make_data_loader(Noise(), options(2).seed(1).num_workers(workers));
    std::vector<float> draws;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (auto& batch : *loader) draws.insert(draws.end(), batch.begin(), batch.end());
    std::sort(draws.begin(), draws.end());
    return draws;
  };
  const auto by_two = epochs(2);
  EXPECT_EQ(std::set<float>(by_two.begin(), by_two.end()).size(), 32U);
  EXPECT_EQ(epochs(3), by_two);
}

// pytorch issue 73141: nobody can reach set_epoch() of a sampler that torch::data's loader has.
TEST_P(LoaderDefects, SetEpochReachesTheDistributedSampler) {
  const auto loader_of = [&](size_t rank) {
    return make_data_loader(Numbers(64), td::samplers::DistributedRandomSampler(64, 2, rank), options(32));
  };
  auto loader = loader_of(0);
  const auto epoch = [&](auto& of) {
    auto batches = batches_of_epoch(of);
    EXPECT_THAT(batches, SizeIs(1));
    return batches.at(0);
  };
  const auto zero = epoch(loader), one = epoch(loader);
  EXPECT_NE(zero, one);
  loader->set_epoch(1);
  EXPECT_EQ(epoch(loader), one);
  loader->set_epoch(0);
  EXPECT_EQ(epoch(loader), zero);
  td::samplers::DistributedRandomSampler direct(64, 2, 0);
  direct.set_epoch(1);
  direct.reset();
  std::vector<int> expected;
  const auto indices = *direct.next(32);
  for (const size_t index : indices) expected.push_back(static_cast<int>(index) + 1);
  EXPECT_EQ(one, expected);
}

struct NoException : td::datasets::Dataset<NoException, int> {
  int get(size_t index) override {
    if (index == 1) throw 42;
    return static_cast<int>(index);
  }
  std::optional<size_t> size() const override { return 3; }
  template <class Archive>
  void serialize(Archive&) {}
};

// There it ends the program, or escapes as an int.
TEST_P(LoaderDefects, WhatIsNoStdExceptionIsReportedAsSuch) {
  auto loader = make_data_loader(NoException(), options(1));
  int errors = 0, good = 0;
  for (bool more = true; more;) {
    try {
      more = loader->next().has_value();
      good += more ? 1 : 0;
    } catch (const SampleError& e) {
      ++errors;
      EXPECT_EQ(e.type(), "int");
      EXPECT_THAT(e.what(), HasSubstr("no std::exception"));
    }
  }
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(good, 2);
}

// Says that it has begun, and never comes back.
struct Hanging : td::datasets::Dataset<Hanging, int> {
  explicit Hanging(std::string path = {}) : flag(std::move(path)) {}

  int get(size_t) override {
    raise_flag(flag);
    for (;;) ::pause();
  }
  std::optional<size_t> size() const override { return 4; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(flag);
  }

  std::string flag;
};

TEST_P(LoaderDefects, ShutdownIsBoundedWhileAWorkerHangs) {
  if (!GetParam().survives_deaths()) GTEST_SKIP() << "what hangs in the trainer cannot be ended";
  const test::Directory folder;
  const std::string flag = folder.path() + "/hangs";
  const test::Watchdog watchdog("a loader whose workers hang is destroyed", test::kLong);
  auto loader = make_data_loader(Hanging(flag),
                                 options(1).check_copies(0).max_sample_bytes(64).timeout(std::chrono::milliseconds(1)));
  const auto pids = loader->worker_pids();
  EXPECT_THROW(loader->next(), LoaderTimeout);
  wait_for_flag(flag);
  loader.reset();
  for (const pid_t pid : pids) EXPECT_EQ(test::process_state(pid), 0) << "worker " << pid << " lives on";
}

// There an unrelated draw between two epochs changes the order.
TEST_P(LoaderDefects, RandomSamplerDoesNotDependOnTheGlobalGenerator) {
  const auto order = [&] {
    auto loader = make_data_loader(Numbers(100), RandomSampler(100, {.seed = 5}), options(100));
    return batches_of_epoch(loader).at(0);
  };
  const auto first = order();
  torch::rand({1});
  EXPECT_EQ(order(), first);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  auto shuffled = make_data_loader(Numbers(100), options(100).shuffle(true).seed(5));
  EXPECT_EQ(batches_of_epoch(shuffled).at(0), first);
}

// There it is ignored.
TEST_P(LoaderDefects, DropLastHoldsForStatefulDatasetsToo) {
  auto loader = make_data_loader(Counter(10), options(3).drop_last(true));
  EXPECT_THAT(batches_of_epoch(loader), ElementsAre(counted(0, 3), counted(3, 6), counted(6, 9)));
  auto chunks = make_data_loader(recipe(ordered_chunks, 3, 10, 0, 1, 8), options(8).drop_last(true));
  for (int epoch = 0; epoch < 2; ++epoch) EXPECT_THAT(batches_of_epoch(chunks), SizeIs(3));
}

// Pairs in batches of a size, then no more.
struct PairCounter : td::datasets::StatefulDataset<PairCounter> {
  std::optional<std::vector<td::Example<>>> get_batch(size_t batch_size) override {
    std::vector<td::Example<>> batch;
    for (; batch.size() < batch_size && next < 10; ++next) batch.push_back(Pairs(10).get(static_cast<size_t>(next)));
    if (batch.empty()) return std::nullopt;
    return batch;
  }
  std::optional<size_t> size() const override { return std::nullopt; }
  void reset() override { next = 0; }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

  int next = 0;
};

auto stacked_pair_counter() { return PairCounter().map(td::transforms::Stack<>()); }

TEST_P(LoaderDefects, DropLastHoldsForStackedBatchesOfStatefulDatasets) {
  auto loader = make_data_loader(recipe(stacked_pair_counter), options(4).drop_last(true));
  int64_t rows = 0;
  for (auto& batch : *loader) rows += batch.data.size(0);
  EXPECT_EQ(rows, 8);
  EXPECT_EQ(loader->stats().samples, 8U);
}

// There the destructor waits for all of what was prefetched.
TEST_P(LoaderDefects, CanBeDestroyedWhilePrefetching) {
  const test::Watchdog watchdog("loaders are destroyed", test::kLong);
  for (int64_t taken = 0; taken < 3; ++taken) {
    auto loader = make_data_loader(Numbers(1000), options(1).prefetch(50));
    for (int64_t i = 0; i < taken; ++i) loader->next();
    if (GetParam().start_method == StartMethod::kSpawn) break;  // A second a loader.
  }
}

// There begin() throws while batches are on their way.
TEST_P(LoaderDefects, AnEpochLeftInTheMiddleDoesNotSpoilTheNext) {
  auto loader = make_data_loader(Numbers(30), options(3).prefetch(4));
  for (int epoch = 0; epoch < 4; ++epoch) {
    EXPECT_EQ(loader->epoch(), epoch == 0 ? 0 : epoch - 1);
    for (auto& batch : *loader) {
      EXPECT_EQ(batch.size(), 3U);
      break;
    }
    EXPECT_EQ(loader->epoch(), epoch);
  }
  auto all = batches_of_epoch(loader);
  std::sort(all.begin(), all.end());
  ASSERT_THAT(all, SizeIs(10));
  EXPECT_EQ(all.back(), counted(28, 31));
}

// What a batch was that could not be made: no sample is to blame where a dataset gives whole batches.
TEST(LoaderErrors, ABatchThatFailsAsAWholeSaysSo) {
  auto loader = make_data_loader(EveryFifth(), DataLoaderOptions(4));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const SampleError& e) {
    EXPECT_STREQ(e.what(), "a batch, made in the trainer: std::runtime_error: sample 0 is bad");
    EXPECT_EQ(e.index(), -1);
  }
}

struct Flagging : td::datasets::Dataset<Flagging, int> {
  explicit Flagging(std::string path) : folder(std::move(path)) {}

  int get(size_t index) override {
    raise_flag(flag(index));
    return static_cast<int>(index);
  }
  std::optional<size_t> size() const override { return 12; }
  std::string flag(size_t index) const { return folder + "/" + std::to_string(index); }

  std::string folder;
};

TEST(LoaderOptionsOfTorchData, MaxJobsCountsTheBatchesOfAllWorkersTogether) {
  const test::Directory folder;
  const Flagging dataset(folder.path());
  auto loader = make_data_loader(dataset, DataLoaderOptions(1)
                                              .workers(2)
                                              .worker_mode(WorkerMode::kThread)
                                              .max_jobs(3)
                                              .max_sample_bytes(64)
                                              .timeout(test::kLong));
  for (size_t i = 0; i + 4 < 12; ++i) {
    EXPECT_THAT(*loader->next(), ElementsAre(static_cast<int>(i)));
    wait_for_flag(dataset.flag(i + 3));
    EXPECT_FALSE(std::filesystem::exists(dataset.flag(i + 4))) << "after batch " << i;
  }
}

}  // namespace
}  // namespace millrace
