#include "millrace/loader/data_loader.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using testing::Hash;
using ::testing::HasSubstr;
using testing::Mode;
using testing::Numbers;
using testing::processes;
using testing::threads;
using testing::Troubled;

std::vector<int64_t> epoch_order(DataLoader& loader) {
  std::vector<int64_t> order;
  for (auto& batch : loader) order.insert(order.end(), batch.indices().begin(), batch.indices().end());
  return order;
}

class EveryMode : public ::testing::TestWithParam<Mode> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
};

INSTANTIATE_TEST_SUITE_P(Modes, EveryMode,
                         ::testing::Values(testing::kInline, threads(2), processes(StartMethod::kForkServer, 2),
                                           processes(StartMethod::kFork, 2), processes(StartMethod::kSpawn, 2)),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(EveryMode, DeliversEverySampleOnceInOrder) {
  auto loader = make_data_loader(Numbers{103}, options(10));
  EXPECT_EQ(loader->size(), 11);
  int64_t next = 0;
  int batches = 0;
  for (auto& batch : *loader) {
    ++batches;
    EXPECT_EQ(batch.size(), next == 100 ? 3 : 10);
    EXPECT_TRUE(testing::is_whole(batch));
    EXPECT_EQ(batch.data().sizes(), (std::vector<int64_t>{batch.size(), 16}));
    EXPECT_EQ(batch.target().sizes(), (std::vector<int64_t>{batch.size()}));
    for (const int64_t index : batch.indices()) EXPECT_EQ(index, next++);
  }
  EXPECT_EQ(batches, 11);
  EXPECT_EQ(next, 103);
}

TEST_P(EveryMode, DropsTheShortBatchWhenAsked) {
  auto loader = make_data_loader(Numbers{103}, options(10).drop_last(true));
  EXPECT_EQ(loader->size(), 10);
  EXPECT_EQ(epoch_order(*loader).size(), 100U);
}

TEST_P(EveryMode, ShufflesAnewEveryEpochAndRepeatsForASeed) {
  std::vector<std::vector<int64_t>> first;
  for (int run = 0; run < 2; ++run) {
    auto loader = make_data_loader(Numbers{50}, options(7).shuffle(true).seed(3));
    for (int epoch = 0; epoch < 3; ++epoch) {
      auto order = epoch_order(*loader);
      if (run == 0) first.push_back(order);
      EXPECT_EQ(order, first[static_cast<size_t>(epoch)]);
      std::sort(order.begin(), order.end());
      for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
    }
  }
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first[1], first[2]);
}

TEST_P(EveryMode, NextGivesNulloptOnceAndThenTheNextEpoch) {
  auto loader = make_data_loader(Numbers{4}, options(2));
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(loader->next()->epoch(), epoch);
    EXPECT_FALSE(loader->next().has_value());
  }
}

TEST_P(EveryMode, AsCompletedDeliversEverySampleOnce) {
  auto loader = make_data_loader(Numbers{103}, options(10).in_order(false));
  for (int epoch = 0; epoch < 3; ++epoch) {
    auto order = epoch_order(*loader);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), 103U);
    for (int64_t i = 0; i < 103; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  }
}

TEST_P(EveryMode, ASampleErrorCostsItsBatchAndTheEpochGoesOn) {
  auto loader = make_data_loader(Troubled{Numbers{100}, 42, Troubled::How::kThrow}, options(10));
  for (int epoch = 0; epoch < 2; ++epoch) {
    int batches = 0, errors = 0;
    for (bool more = true; more;) {
      try {
        const auto batch = loader->next();
        more = batch.has_value();
        batches += more;
      } catch (const SampleError& e) {
        ++errors;
        EXPECT_EQ(e.index(), 42);
        EXPECT_EQ(e.path(), "number 42");
        EXPECT_EQ(e.type(), "std::out_of_range");
        EXPECT_EQ(e.message(), "no such number");
        EXPECT_THAT(e.what(), HasSubstr("sample 42 (number 42)"));
      }
    }
    EXPECT_EQ(batches, 9);
    EXPECT_EQ(errors, 1);
  }
  EXPECT_EQ(loader->stats().sample_errors, 2U);
}

TEST(SampleErrorText, CannotRewriteTheTerminal) {
  const SampleError error(7, "cats/\x1b[2J\r7.jpg", 1, "std::runtime_error", "cats/\x1b[2J\r7.jpg: is empty");
  EXPECT_STREQ(error.what(),
               "sample 7 (cats/\\x1b[2J\\r7.jpg), read by worker 1: std::runtime_error: "
               "cats/\\x1b[2J\\r7.jpg: is empty");
  EXPECT_EQ(error.path(), "cats/\x1b[2J\r7.jpg") << "what it is, for programs";
}

TEST_P(EveryMode, WhatIsNoStdExceptionIsReportedByItsType) {
  auto loader = make_data_loader(Troubled{Numbers{4}, 1, Troubled::How::kThrowInt}, options(4));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const SampleError& e) {
    EXPECT_EQ(e.type(), "int");
  }
}

TEST_P(EveryMode, TensorsOutliveTheLoader) {
  at::Tensor kept;
  {
    auto loader = make_data_loader(Numbers{8}, options(4));
    kept = loader->next()->data();
  }
  EXPECT_EQ(kept[3][0].item<int64_t>(), 3);
  kept[3][0] = 7;
  EXPECT_EQ(kept[3][0].item<int64_t>(), 7);
}

TEST_P(EveryMode, AHeldBatchIsNotOverwritten) {
  auto loader = make_data_loader(Numbers{100}, options(5));
  const auto held = loader->next();
  for (int i = 0; i < 40; ++i) loader->next();
  EXPECT_EQ(held->indices(), (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(testing::is_whole(*held));
}

TEST_P(EveryMode, ABatchDroppedOnAnotherThreadComesHome) {
  auto loader = make_data_loader(Numbers{400}, options(5).prefetch(1).held(1));
  for (int i = 0; i < 80; ++i) {
    auto batch = loader->next();
    ASSERT_TRUE(batch.has_value());
    std::thread([moved = std::move(*batch)] { EXPECT_TRUE(testing::is_whole(moved)); }).detach();
  }
}

TEST_P(EveryMode, HoldingEveryBatchIsAnErrorThatSaysSo) {
  auto loader = make_data_loader(Numbers{100}, options(5).prefetch(1).held(1).kept_bytes(0));
  std::vector<Batch> hoard;
  try {
    for (;;) hoard.push_back(std::move(*loader->next()));
  } catch (const TooManyBatchesHeld& e) {
    EXPECT_THAT(e.what(), HasSubstr("all 2 slots"));
    EXPECT_THAT(e.what(), HasSubstr("clone()"));
    EXPECT_EQ(hoard.size(), 2U);
  }
  hoard.clear();
  EXPECT_TRUE(loader->next().has_value());
}

TEST_P(EveryMode, EveryBatchOfAnEpochCanBeKept) {
  auto loader = make_data_loader(Numbers{100}, options(5));
  std::vector<Batch> hoard;
  for (auto& batch : *loader) hoard.push_back(std::move(batch));
  ASSERT_EQ(hoard.size(), 20U);
  EXPECT_EQ(loader->stats().kept_batches, 18U);
  loader.reset();
  for (const Batch& batch : hoard) EXPECT_TRUE(testing::is_whole(batch));
  EXPECT_EQ(hoard.back().indices(), (std::vector<int64_t>{95, 96, 97, 98, 99}));
}

// While no slot is free, the loader cannot ask for the next batch, and so cannot know that there is none.
TEST_P(EveryMode, AnEpochEndsThoughEveryBatchIsHeldUntilThen) {
  auto loader = make_data_loader(Numbers{15}, options(5).prefetch(1).held(2));
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<Batch> hoard;
    for (int i = 0; i < 3; ++i) hoard.push_back(std::move(*loader->next()));
    EXPECT_EQ(hoard.back().epoch(), epoch);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      hoard.clear();
    });
    EXPECT_FALSE(loader->next().has_value());
    other.join();
  }
}

TEST_P(EveryMode, LeavingALoopEarlyBeginsTheNextEpoch) {
  auto loader = make_data_loader(Numbers{100}, options(5).shuffle(true).seed(1));
  std::vector<int64_t> second;
  {
    auto whole = make_data_loader(Numbers{100}, options(5).shuffle(true).seed(1));
    epoch_order(*whole);
    second = epoch_order(*whole);
  }
  for (auto& batch : *loader) {
    EXPECT_EQ(batch.epoch(), 0);
    break;
  }
  EXPECT_EQ(epoch_order(*loader), second);
}

TEST_P(EveryMode, ALoopBehindNextGoesOnWithTheRest) {
  auto loader = make_data_loader(Numbers{20}, options(5));
  EXPECT_EQ(loader->next()->indices().front(), 0);
  EXPECT_EQ(epoch_order(*loader).front(), 5);
  EXPECT_EQ(epoch_order(*loader).size(), 20U);
}

TEST_P(EveryMode, ASecondIteratorIsRefusedWhileTheFirstIsNotAtItsEnd) {
  auto loader = make_data_loader(Numbers{10}, options(5));
  auto first = loader->begin();
  auto second = loader->begin();
  EXPECT_EQ(first->indices().front(), 0);
  EXPECT_THROW(second->indices(), std::logic_error);
  EXPECT_THROW(loader->begin(), std::logic_error);
  EXPECT_EQ(first->indices().front(), 0) << "it is where it was";
  while (first != loader->end()) ++first;
  EXPECT_EQ(epoch_order(*loader).size(), 10U);
}

TEST_P(EveryMode, SetEpochGoesToThatEpoch) {
  auto loader = make_data_loader(Numbers{40}, options(5).shuffle(true).seed(1));
  const auto zero = epoch_order(*loader);
  const auto one = epoch_order(*loader);
  loader->set_epoch(0);
  EXPECT_EQ(loader->epoch(), 0);
  EXPECT_EQ(epoch_order(*loader), zero);
  for (int i = 0; i < 3; ++i) loader->next();
  loader->set_epoch(1);
  EXPECT_EQ(epoch_order(*loader), one);
}

TEST_P(EveryMode, AnEmptyDatasetHasEmptyEpochs) {
  auto loader = make_data_loader(Numbers{0}, options(5).shuffle(true));
  EXPECT_EQ(loader->size(), 0);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(loader->next().has_value());
}

TEST_P(EveryMode, TakesASamplerOfOnesOwn) {
  auto loader = make_data_loader(Numbers{10}, RandomSampler(10, {.num_samples = 25, .seed = 5}), options(4));
  EXPECT_EQ(loader->size(), 7);
  EXPECT_EQ(epoch_order(*loader).size(), 25U);
}

TEST_P(EveryMode, ManyLoadersLiveSideBySide) {
  auto a = make_data_loader(Numbers{30}, options(5));
  auto b = make_data_loader(Numbers{30}, options(3).shuffle(true));
  int64_t seen = 0;
  for (auto& batch : *a) {
    seen += batch.size();
    const auto other = b->next();
    EXPECT_TRUE(!other || testing::is_whole(*other));
  }
  EXPECT_EQ(seen, 30);
}

TEST_P(EveryMode, DestroyingALoaderInTheMiddleIsQuietAndLeavesNoWorker) {
  std::vector<pid_t> pids;
  {
    auto loader = make_data_loader(Numbers{1000}, options(5));
    loader->next();
    pids = loader->worker_pids();
  }
  for (const pid_t pid : pids) EXPECT_EQ(::kill(pid, 0), -1) << pid;
}

// --- the same batches, whoever reads them ---

uint64_t hash_of(const DataLoaderOptions& options, int kill_at = -1) {
  auto loader = make_data_loader(Numbers{500}, DataLoaderOptions(options).shuffle(true).seed(11));
  Hash hash;
  for (int epoch = 0; epoch < 2; ++epoch) {
    int number = 0;
    for (auto& batch : *loader) {
      if (number++ == kill_at && !loader->worker_pids().empty()) ::kill(loader->worker_pids().front(), SIGKILL);
      hash.add(batch);
    }
  }
  EXPECT_LE(loader->stats().worker_deaths, kill_at >= 0 ? 2U : 0U);
  return hash.value();
}

TEST(SameSeed, GivesBitIdenticalBatchesInEveryModeForAnyNumberOfWorkers) {
  const uint64_t expected = hash_of(testing::kInline.options(16));
  for (const int64_t workers : {1, 2, 3, 5}) {
    EXPECT_EQ(hash_of(threads(workers).options(16)), expected);
    for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn}) {
      EXPECT_EQ(hash_of(processes(method, workers).options(16)), expected) << to_string(method) << " " << workers;
      EXPECT_EQ(hash_of(processes(method, workers).options(16), 7), expected) << to_string(method) << " with a kill";
    }
  }
}

TEST(OtherSeed, GivesOtherBatches) {
  auto a = make_data_loader(Numbers{64}, DataLoaderOptions(64).seed(1));
  auto b = make_data_loader(Numbers{64}, DataLoaderOptions(64).seed(2));
  EXPECT_FALSE(a->next()->operator[]("noise").equal(b->next()->operator[]("noise")));
}

TEST(SampleNoise, DiffersBetweenEpochsAndSamples) {
  auto loader = make_data_loader(Numbers{100}, DataLoaderOptions(100).seed(1));
  std::set<double> seen;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (auto& batch : *loader)
      for (int64_t i = 0; i < batch.size(); ++i) seen.insert(batch["noise"][i].item<double>());
  EXPECT_EQ(seen.size(), 200U);
}

// --- datasets that give values ---

struct Pairs {
  int64_t n = 0;
  size_t size() const { return static_cast<size_t>(n); }
  std::pair<at::Tensor, int> get(size_t i) const {
    return {at::full({2, 3}, static_cast<double>(i)), static_cast<int>(i)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

TEST(GetDatasets, AreStackedFieldByField) {
  auto loader = make_data_loader(Pairs{10}, DataLoaderOptions(4).num_workers(2));
  const auto batch = loader->next();
  EXPECT_EQ(batch->data().sizes(), (std::vector<int64_t>{4, 2, 3}));
  EXPECT_EQ(batch->target().scalar_type(), at::kLong);
  EXPECT_EQ(batch->target()[3].item<int64_t>(), 3);
  EXPECT_EQ(batch->data()[3][1][2].item<float>(), 3);
}

struct Growing {
  size_t size() const { return 3; }
  at::Tensor get(size_t i) const { return at::zeros({static_cast<int64_t>(i) / 2 + 2}); }
};

TEST(GetDatasets, OfUnequalSamplesSayWhatPyTorchSays) {
  auto loader = make_data_loader(Growing{}, DataLoaderOptions(3));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const SampleError& e) {
    EXPECT_EQ(e.index(), 2);
    EXPECT_THAT(e.message(), HasSubstr("stack expects each tensor to be equal size"));
    EXPECT_THAT(e.message(), HasSubstr("[2] in the first sample and [3]"));
  }
}

struct RandomExamples {
  size_t size() const { return 20; }
  Example get(size_t, SampleContext& context) const {
    return {at::randn({3}, context.generator()), at::zeros({}, at::kLong)};
  }
};

TEST(GetDatasets, DrawFromTheSamplesOwnGenerator) {
  const auto all = [](DataLoaderOptions options) {
    auto loader = make_data_loader(RandomExamples{}, options);
    Hash hash;
    for (auto& batch : *loader) hash.add(batch);
    return hash.value();
  };
  const uint64_t expected = all(DataLoaderOptions(5).seed(9));
  EXPECT_EQ(all(DataLoaderOptions(5).seed(9).num_workers(3)), expected);
  EXPECT_NE(all(DataLoaderOptions(5).seed(8)), expected);
}

struct CannotTravel {
  explicit CannotTravel(int64_t n) : numbers{n} {}
  Numbers numbers;
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const { numbers.read(i, row, context); }
};

CannotTravel make_cannot_travel(int64_t n) { return CannotTravel(n); }
Numbers fail_in_workers(pid_t trainer) {
  if (::getpid() != trainer) throw std::runtime_error("no such folder: photos");
  return Numbers{8};
}
Numbers die_in_workers(pid_t trainer) {
  if (::getpid() != trainer) ::raise(SIGKILL);
  return Numbers{8};
}

TEST(DatasetsThatCannotTravel, AreRefusedWithTheThreeCures) {
  for (const auto method : {StartMethod::kForkServer, StartMethod::kSpawn}) {
    try {
      make_data_loader(CannotTravel(5), processes(method, 1).options(1));
      FAIL() << "no error";
    } catch (const std::invalid_argument& e) {
      EXPECT_THAT(e.what(), HasSubstr("serialize"));
      EXPECT_THAT(e.what(), HasSubstr("recipe("));
      EXPECT_THAT(e.what(), HasSubstr("kFork"));
      EXPECT_THAT(e.what(), HasSubstr("kThread"));
    }
  }
}

TEST(DatasetsThatCannotTravel, GoWithForkThreadsAndInline) {
  for (const auto& mode : {testing::kInline, threads(2), processes(StartMethod::kFork, 2)}) {
    auto loader = make_data_loader(CannotTravel(9), mode.options(4));
    EXPECT_EQ(epoch_order(*loader).size(), 9U) << mode.name;
  }
}

TEST(Recipe, IsFollowedByEveryWorker) {
  for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn}) {
    auto loader = make_data_loader(recipe(make_cannot_travel, 21), processes(method, 2).options(4));
    EXPECT_EQ(epoch_order(*loader).size(), 21U);
  }
}

TEST(Recipe, ThatFailsInAWorkerIsAnErrorWithItsText) {
  auto loader = make_data_loader(recipe(fail_in_workers, ::getpid()), DataLoaderOptions(4).num_workers(2));
  for (int i = 0; i < 2; ++i) {
    try {
      loader->next();
      FAIL() << "no error";
    } catch (const WorkerStartError& e) {
      EXPECT_THAT(e.what(), HasSubstr("std::runtime_error: no such folder: photos"));
    }
  }
}

TEST(Recipe, ThatKillsItsWorkersIsGivenUpAfterTheRetries) {
  auto loader = make_data_loader(recipe(die_in_workers, ::getpid()), DataLoaderOptions(4).num_workers(1));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const WorkerStartError& e) {
    EXPECT_THAT(e.what(), HasSubstr("SIGKILL"));
    EXPECT_THAT(e.what(), HasSubstr("3 times in a row"));
  }
}

// --- death and delay ---

TEST(WorkerDeath, OnASampleIsRepairedByAnotherWorker) {
  void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto loader =
      make_data_loader(Troubled{Numbers{100}, 37, Troubled::How::kDieOnce, reinterpret_cast<uint64_t>(shared)},
                       processes(StartMethod::kFork, 2).options(10));
  EXPECT_EQ(epoch_order(*loader).size(), 100U);
  EXPECT_EQ(loader->stats().worker_deaths, 1U);
  ::munmap(shared, 4096);
}

TEST(WorkerDeath, AgainAndAgainOnOneSampleIsReportedAndTheEpochGoesOn) {
  auto loader =
      make_data_loader(Troubled{Numbers{100}, 37, Troubled::How::kDieAlways}, DataLoaderOptions(10).num_workers(2));
  int batches = 0, errors = 0;
  for (bool more = true; more;) {
    try {
      more = loader->next().has_value();
      batches += more;
    } catch (const WorkerDied& e) {
      ++errors;
      EXPECT_EQ(e.signal(), SIGKILL);
      EXPECT_GT(e.pid(), 0);
      EXPECT_THAT(e.doing(), HasSubstr("sample 37 (number 37)"));
      EXPECT_THAT(e.what(), HasSubstr("SIGKILL"));
    }
  }
  EXPECT_EQ(batches, 9);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(loader->stats().worker_deaths, 3U);
}

TEST(StoppedWorker, IsNamedWhenTheTimeoutPassesAndDoesNotHangTheDestructor) {
  auto loader = make_data_loader(Troubled{Numbers{100}, 5, Troubled::How::kHang},
                                 DataLoaderOptions(10).num_workers(1).timeout(std::chrono::milliseconds(200)));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const LoaderTimeout& e) {
    EXPECT_THAT(e.what(), HasSubstr("no batch within 200 ms"));
    EXPECT_THAT(e.what(), HasSubstr("reads sample 5 (number 5)"));
  }
}

// A dataset with a wild pointer: overwrites the whole board, or the arena, in the worker that reads sample 55.
struct Vandal {
  Numbers numbers{100};
  std::string victim;

  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    numbers.read(i, row, context);
    if (i == 55) scribble();
  }
  void scribble() const {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(victim) == std::string::npos) continue;
      char* end = nullptr;
      const uint64_t first = std::strtoull(line.c_str(), &end, 16);
      const uint64_t last = std::strtoull(end + 1, nullptr, 16);
      std::memset(reinterpret_cast<void*>(first), 0xa5, last - first);
    }
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, victim);
  }
};

TEST(VandalisedBoard, IsAnErrorAndNeitherCrashesNorHangs) {
  auto loader = make_data_loader(Vandal{Numbers{100}, "millrace board"}, DataLoaderOptions(10).num_workers(2));
  try {
    for (int i = 0; i < 100; ++i) loader->next();
    FAIL() << "no error";
  } catch (const BoardCorrupted& e) {
    EXPECT_THAT(e.what(), HasSubstr("was overwritten"));
  }
  EXPECT_THROW(loader->next(), BoardCorrupted);
}

TEST(VandalisedArena, IsAnErrorAndNeitherCrashesNorHangs) {
  auto loader = make_data_loader(Vandal{Numbers{100}, "millrace batches"}, DataLoaderOptions(10).num_workers(2));
  EXPECT_THROW(for (int i = 0; i < 100; ++i) loader->next(), BoardCorrupted)
      << "a ticket that was overwritten names another sample";
  EXPECT_THROW(loader->next(), BoardCorrupted);
}

std::atomic<int64_t> g_numbers_read{0};

struct Counted {
  Numbers numbers{40};
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    numbers.read(i, row, context);
    g_numbers_read.fetch_add(1);
  }
};

TEST(Prefetch, ReachesIntoTheNextEpoch) {
  g_numbers_read = 0;
  auto loader = make_data_loader(Counted{}, threads(1).options(10).prefetch(2));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(loader->next().has_value());
  // Both batches ahead are the next epoch's, although the trainer has not even asked for the end of this one.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (g_numbers_read.load() < 60 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(g_numbers_read.load(), 60);
}

TEST(BadOptions, AreRefusedByName) {
  const auto refuse = [](DataLoaderOptions options, const char* name) {
    try {
      make_data_loader(Numbers{4}, options);
      FAIL() << "no error for " << name;
    } catch (const std::invalid_argument& e) {
      EXPECT_THAT(e.what(), HasSubstr(name));
    }
  };
  refuse(DataLoaderOptions(0), "batch_size is 0");
  refuse(DataLoaderOptions(1).num_workers(-1), "num_workers is -1");
  refuse(DataLoaderOptions(1).prefetch(-1), "prefetch is -1");
  refuse(DataLoaderOptions(1).held(0), "held is 0");
  refuse(DataLoaderOptions(1).retries(-1), "retries is -1");
  refuse(DataLoaderOptions(1).timeout(std::chrono::milliseconds(-1)), "timeout is -1 ms");
  EXPECT_THROW(make_data_loader(Numbers{4}, SequentialSampler(4), DataLoaderOptions(1).shuffle(true)),
               std::invalid_argument);
}

TEST(BadSampler, IndexOutsideTheDatasetIsAnError) {
  auto loader = make_data_loader(Numbers{4}, SequentialSampler(5), DataLoaderOptions(5));
  EXPECT_THROW(loader->next(), std::out_of_range);
}

// Batches of two in order, of which batch 4 is bad, in the way that `how` says.
struct PairsWithOneBad {
  std::string how;
  int64_t at = 0;
  int64_t epoch = 0;

  int64_t size() const { return 8; }
  void set_epoch(int64_t next) {
    at = 0;
    epoch = next;
    if (how == "set_epoch throws" && epoch == 1) throw std::runtime_error("the sampler's database is away");
  }
  bool next(std::vector<int64_t>& batch) {
    batch.clear();
    if (at >= 16) return false;
    batch = {at, at + 1};
    at += 2;
    if (batch[0] < 8) return true;
    if (how == "throws for good") throw std::runtime_error("the sampler's database is away");
    if (batch[0] != 8) return true;
    if (how == "index") batch[1] = 99;
    if (how == "large") batch.push_back(3);
    if (how == "empty") batch.clear();
    if (how == "throws") throw std::runtime_error("the sampler's database is away");
    return true;
  }
};

// The first sample of each batch, "error", and "end" for the end of an epoch, `calls` times.
std::string what_comes(DataLoader& loader, int calls) {
  std::string got;
  for (int call = 0; call < calls; ++call) {
    try {
      const auto batch = loader.next();
      got += batch ? std::to_string(batch->indices()[0]) + ' ' : "end ";
    } catch (const std::out_of_range& e) {
      EXPECT_THAT(e.what(), HasSubstr("the sampler gave"));
      got += "error ";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "the sampler's database is away");
      got += "error ";
    }
  }
  return got;
}

TEST_P(EveryMode, ABadBatchOfTheSamplerIsLostInItsTurnAndNoOther) {
  const std::map<std::string, std::string> right = {
      {"index", "0 2 4 6 error 10 12 14 end 0 2 4 "},
      {"large", "0 2 4 6 error 10 12 14 end 0 2 4 "},
      {"throws", "0 2 4 6 error 10 12 14 end 0 2 4 "},
      {"throws for good", "0 2 4 6 error error end 0 2 4 6 error "},
      {"set_epoch throws", "0 2 4 6 8 10 12 14 end error end 0 "},
      {"empty", "0 2 4 6 10 12 14 end 0 2 4 6 "},
  };
  const bool slow_to_start = GetParam().start_method == StartMethod::kSpawn;
  for (const auto& [how, expected] : right)
    for (const int64_t prefetch : slow_to_start ? std::vector<int64_t>{2} : std::vector<int64_t>{0, 1, 2, 5}) {
      auto loader = make_data_loader(Numbers{16}, PairsWithOneBad{how}, options(2).prefetch(prefetch));
      EXPECT_EQ(what_comes(*loader, 12), expected) << how << ", prefetch " << prefetch;
    }
}

TEST(BadSampler, StateBehindABadBatchGoesOnBehindIt) {
  for (const std::string how : {"index", "large", "throws"})
    for (const int64_t prefetch : {1, 4}) {
      auto loader = make_data_loader(Numbers{16}, PairsWithOneBad{how}, DataLoaderOptions(2).prefetch(prefetch));
      EXPECT_EQ(what_comes(*loader, 5), "0 2 4 6 error ");
      const LoaderState state = loader->state_dict();
      EXPECT_EQ(state.batches, 5) << how;
      const std::map<std::string, int64_t> samples = {{"index", 10}, {"large", 11}, {"throws", 8}};
      EXPECT_EQ(state.position, samples.at(how)) << how;
      auto resumed = make_data_loader(Numbers{16}, PairsWithOneBad{how}, DataLoaderOptions(2).prefetch(prefetch));
      resumed->load_state_dict(state);
      EXPECT_EQ(what_comes(*resumed, 4), "10 12 14 end ") << how;
    }
}

// A sampler of samples that throws once, and cannot be resumed but by going through it again.
struct SamplesWithOneBad {
  int64_t at = 0;
  int64_t size() const { return 10; }
  void set_epoch(int64_t) { at = 0; }
  std::optional<int64_t> next() {
    if (at >= 10) return std::nullopt;
    if (at++ == 4) throw std::runtime_error("the sampler's database is away");
    return at - 1;
  }
};

TEST(BadSampler, StateBehindABadSampleGoesOnBehindIt) {
  auto loader = make_data_loader(Numbers{10}, SamplesWithOneBad{}, DataLoaderOptions(2).prefetch(3));
  EXPECT_EQ(what_comes(*loader, 3), "0 2 error ");
  auto resumed = make_data_loader(Numbers{10}, SamplesWithOneBad{}, DataLoaderOptions(2));
  resumed->load_state_dict(loader->state_dict());
  EXPECT_EQ(what_comes(*resumed, 4), "5 7 9 end ");
}

struct TensorPairs {
  size_t size() const { return 16; }
  at::Tensor get(size_t i) const { return at::full({static_cast<int64_t>(i % 3) + 1}, static_cast<double>(i)); }
};

TEST(BadSampler, AnEmptyBatchOfSamplesThatAreCollatedIsNoError) {
  auto loader = make_data_loader(TensorPairs{}, PairsWithOneBad{"empty"}, DataLoaderOptions(2),
                                 [](std::vector<at::Tensor> tensors) { return tensors; });
  int batches = 0;
  while (loader->next()) ++batches;
  EXPECT_EQ(batches, 7);
}

struct TakesAWhile {
  size_t size() const { return 4; }
  int64_t get(size_t i) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // The trainer looks meanwhile.
    return static_cast<int64_t>(i);
  }
};

// What a loader says on stderr while so many epochs are read.
template <class Loader>
std::string warnings_of_epochs(Loader& loader, int epochs) {
  ::testing::internal::CaptureStderr();
  for (int epoch = 0; epoch < epochs; ++epoch)
    while (loader.next()) continue;
  return ::testing::internal::GetCapturedStderr();
}

// Numbers from `first_bad` on cannot be read.
struct PartlyBad {
  Numbers numbers;
  int64_t first_bad = 0;

  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    if (static_cast<int64_t>(i) >= first_bad) throw std::runtime_error("an error page");
    numbers.read(i, row, context);
  }
  std::string describe(size_t i) const { return numbers.describe(i); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers, first_bad);
  }
};

TEST_P(EveryMode, SkippedSamplesAreToldOnceWithTheirNumberAndTheFirstError) {
  auto loader = make_data_loader(PartlyBad{Numbers{12}, 7}, options(4).on_error(OnError::kSkip));
  EXPECT_THAT(warnings_of_epochs(*loader, 1),
              AllOf(HasSubstr("of the 12 samples of epoch 0, 5 could not be read and were left out, the first: "),
                    HasSubstr("number 7"), HasSubstr("an error page")));
  EXPECT_EQ(warnings_of_epochs(*loader, 2), "");
  EXPECT_EQ(loader->stats().skipped_samples, 15U);
}

TEST_P(EveryMode, AnEpochOfSkippedSamplesAloneIsTold) {
  auto loader = make_data_loader(PartlyBad{Numbers{12}, 0}, options(4).on_error(OnError::kSkip));
  EXPECT_THAT(warnings_of_epochs(*loader, 1),
              HasSubstr("of the 12 samples of epoch 0, 12 could not be read and were "));
  EXPECT_EQ(warnings_of_epochs(*loader, 1), "");
}

TEST_P(EveryMode, ReplacedSamplesAreToldOnceWithTheirNumberAndTheFirstError) {
  auto loader = make_data_loader(PartlyBad{Numbers{12}, 11}, options(4).on_error(OnError::kReplace));
  EXPECT_THAT(warnings_of_epochs(*loader, 2),
              AllOf(HasSubstr("of the 12 samples of epoch 0, 1 could not be read and was replaced by another, "),
                    HasSubstr("number 11")));
  EXPECT_EQ(warnings_of_epochs(*loader, 1), "");
}

TEST_P(EveryMode, AnEpochThatIsLeftTellsOfItsSkippedSamples) {
  auto loader = make_data_loader(PartlyBad{Numbers{12}, 1}, options(4).on_error(OnError::kSkip));
  ::testing::internal::CaptureStderr();
  loader->next();
  loader->set_epoch(5);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("of the 4 samples of epoch 0, 3 could not be read"));
}

TEST_P(EveryMode, ALoaderThatGoesInTheMiddleOfAnEpochTellsOfItsSkippedSamples) {
  auto loader = make_data_loader(PartlyBad{Numbers{12}, 1}, options(4).on_error(OnError::kSkip));
  loader->next();
  ::testing::internal::CaptureStderr();
  loader.reset();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("of the 4 samples of epoch 0, 3 could not be read"));
}

struct PartlyBadStream {
  int64_t given = 0;
  std::optional<int64_t> next(StreamContext& context) {
    static_cast<void>(context.shard());  // Every stream gives six of its own.
    if (given == 6) return std::nullopt;
    if (given++ % 3 == 2) throw std::runtime_error("a broken record");
    return given;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(given);
  }
};

TEST_P(EveryMode, SkippedSamplesOfStreamsAreToldWithTheFirstError) {
  auto loader = make_data_loader(PartlyBadStream{}, options(2).num_streams(2).on_error(OnError::kSkip));
  EXPECT_THAT(warnings_of_epochs(*loader, 1),
              HasSubstr("of the 12 samples of epoch 0, 4 could not be read and were left out, the first: a sample of "
                        "stream 0: std::runtime_error: a broken record"));
  EXPECT_THAT(loader->stats().last_error, HasSubstr("a broken record"));
}

TEST(Timeouts, OfTheLargestNumbersAndOfZeroAreForEver) {
  using std::chrono::milliseconds;
  for (const milliseconds ever : {milliseconds::max(), milliseconds(std::chrono::years(400)), milliseconds(0)}) {
    const auto options = processes(StartMethod::kForkServer, 1).options(2);
    auto loader = make_data_loader(TakesAWhile(), DataLoaderOptions(options).timeout(ever).sample_timeout(ever));
    EXPECT_EQ(epoch_order(*loader).size(), 4U) << ever.count();
    EXPECT_EQ(loader->stats().worker_deaths, 0U) << "nobody was stuck, " << ever.count();
  }
}

TEST(TooLittleMemory, IsAnErrorWithNumbersBeforeAnythingIsTouched) {
  try {
    make_data_loader(Numbers{4, int64_t{1} << 32}, DataLoaderOptions(64));
    FAIL() << "no error";
  } catch (const OutOfSharedMemory& e) {
    EXPECT_THAT(e.what(), HasSubstr("use a smaller batch_size, prefetch or held"));
    EXPECT_GT(e.needed(), e.available());
  }
}

// A range takes longer to read than the trainer wants to wait, and a batch has two.
struct LateNumbers {
  Numbers numbers{2};
  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    numbers.read(i, row, context);
  }
};

TEST(Inline, TimeoutHoldsToo) {
  auto loader = make_data_loader(LateNumbers(), DataLoaderOptions(2).timeout(std::chrono::milliseconds(1)));
  EXPECT_THROW(loader->next(), LoaderTimeout);
  const auto batch = loader->next();  // What was read is not lost.
  ASSERT_TRUE(batch.has_value());
  EXPECT_TRUE(testing::is_whole(*batch));
}

}  // namespace
}  // namespace millrace
