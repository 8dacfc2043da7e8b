// The table of options, PyTorch's and torch::data's, and the table of failures, in every place where samples are read.
#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/conformance/probe.h"

namespace millrace {
namespace {

using testing::all_but;
using ::testing::ElementsAre;
using testing::epoch_of;
using ::testing::HasSubstr;
using testing::Probe;
using ::testing::UnorderedElementsAreArray;
using testing::wait_until;
using Trouble = Probe::Trouble;
using std::chrono::milliseconds;

constexpr auto kNothing = [](int64_t) { return false; };

class OverPlaces : public ::testing::TestWithParam<testing::Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
  /// For tests that count what is read, or whose samples must not be read in the trainer.
  DataLoaderOptions uncompared_options(int64_t batch_size) const { return options(batch_size).check_copies(0); }
  int64_t workers() const { return GetParam().workers; }
  bool in_order() const { return GetParam().in_order; }
  bool threads() const { return workers() > 0 && GetParam().worker_mode == WorkerMode::kThread; }
};

class Options : public OverPlaces {};
class Failures : public OverPlaces {};

INSTANTIATE_TEST_SUITE_P(Places, Options, ::testing::ValuesIn(testing::all_places()), testing::place_name);
INSTANTIATE_TEST_SUITE_P(Places, Failures, ::testing::ValuesIn(testing::all_places()), testing::place_name);

std::set<int64_t> values(DataLoader& loader, const char* field) {
  std::set<int64_t> values;
  for (auto& batch : loader)
    for (int64_t row = 0; row < batch.size(); ++row) values.insert(batch[field][row].item<int64_t>());
  return values;
}

// --- options ---

TEST_P(Options, DropLastLeavesOutTheShortBatch) {
  auto loader = make_data_loader(Probe{23}, options(5).drop_last(true));
  EXPECT_EQ(loader->size(), 4);
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto outcome = epoch_of(*loader);
    EXPECT_THAT(outcome.sizes, ElementsAre(5, 5, 5, 5));
    EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(20, kNothing)));
  }
}

TEST_P(Options, WithoutDropLastTheShortBatchComes) {
  auto loader = make_data_loader(Probe{23}, options(5));
  EXPECT_EQ(loader->size(), 5);
  const auto outcome = epoch_of(*loader);
  EXPECT_THAT(outcome.sizes, ::testing::UnorderedElementsAre(5, 5, 5, 5, 3));
  EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(23, kNothing)));
}

TEST_P(Options, ASlowSampleHoldsUpItsBatchAndOthersOnlyInOrder) {
  if (workers() == 0) GTEST_SKIP() << "one reader";
  Probe probe{30, Trouble::kWait, 0};
  auto loader = make_data_loader(probe, uncompared_options(5).prefetch(3).timeout(milliseconds(in_order() ? 300 : 0)));
  loader->wait_ready();
  if (in_order()) {
    EXPECT_THROW(loader->next(), LoaderTimeout);
    EXPECT_TRUE(wait_until([&] { return probe.tally.read().load() == 14; }));  // All that is open but the slow one.
    probe.tally.released().store(1);
    EXPECT_EQ(loader->next()->indices().front(), 0);
  } else {
    EXPECT_EQ(loader->next()->indices().front(), 5);
    probe.tally.released().store(1);
    EXPECT_EQ(epoch_of(*loader).indices.size(), 25U);
  }
}

// What is read when the trainer has taken one batch and waits; stays so, for the time of many batches: that nothing
// more is read is no event to wait for.
template <class Loader>
void expect_read_ahead(Loader& loader, const Probe& probe, int64_t samples) {
  loader.next();
  EXPECT_TRUE(wait_until([&] { return probe.tally.read().load() >= samples; })) << probe.tally.read().load();
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(probe.tally.started().load(), samples);
}

TEST_P(Options, PrefetchBoundsTheBatchesThatAreFilledAhead) {
  Probe probe{400};
  auto loader = make_data_loader(probe, uncompared_options(4).prefetch(3));
  expect_read_ahead(*loader, probe, workers() == 0 ? 4 : 4 * (1 + 3));
}

TEST_P(Options, PrefetchFactorCountsBatchesForEachWorker) {
  Probe probe{400};
  auto loader = make_data_loader(probe, uncompared_options(4).prefetch_factor(3));
  expect_read_ahead(*loader, probe, workers() == 0 ? 4 : 4 * (1 + 3 * workers()));
}

// A slot of four probes is a page.
TEST_P(Options, PrefetchBytesBoundsTheMemoryOfAllBatches) {
  Probe probe{400};
  auto loader = make_data_loader(probe, uncompared_options(4).prefetch(20).held(2).prefetch_bytes(4 * 4096));
  expect_read_ahead(*loader, probe, workers() == 0 ? 4 : 4 * (1 + 2));
}

TEST_P(Options, PrefetchBytesLeavesOneBatchAtLeast) {
  Probe probe{400};
  auto loader = make_data_loader(probe, uncompared_options(4).prefetch(20).prefetch_bytes(1));
  expect_read_ahead(*loader, probe, workers() == 0 ? 4 : 4 * (1 + 1));
}

// Samples that fit no rows: one worker makes a batch.
struct Listed {
  Probe probe;
  size_t size() const { return probe.size(); }
  std::string get(size_t i) const {
    probe.look_at(i);
    probe.tally.read().fetch_add(1);
    return std::to_string(i);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(probe);
  }
};

TEST_P(Options, PrefetchCountsForEachWorkerWhereOneMakesABatch) {
  const Listed listed{Probe{400}};
  auto loader = make_data_loader(listed, options(4).prefetch(2), collate::List{});
  loader->spec();
  const int64_t measured = listed.probe.tally.read().load();  // The first sample, to know what samples look like.
  expect_read_ahead(*loader, listed.probe, measured + (workers() == 0 ? 4 : 4 * (1 + 2 * workers())));
}

TEST_P(Options, TimeoutNamesWhatWorkersDoAndTheNextCallWaitsAgain) {
  if (workers() == 0) GTEST_SKIP() << "next() itself reads";
  Probe probe{30, Trouble::kWait, 0};
  auto loader = make_data_loader(probe, uncompared_options(30).timeout(milliseconds(200)));
  const auto timeout = [&]() -> std::string {
    try {
      return std::to_string(loader->next()->size()) + " samples";
    } catch (const LoaderTimeout& e) {
      return e.what();
    }
  };
  EXPECT_THAT(timeout(), HasSubstr("timeout: no batch within 200 ms: worker 0"));
  EXPECT_TRUE(wait_until([&] { return probe.tally.troubles().load() > 0; }));  // It may come late to its sample.
  EXPECT_THAT(timeout(), HasSubstr("reads sample 0 (probe 0)"));
  probe.tally.released().store(1);
  EXPECT_TRUE(wait_until([&] { return timeout() == "30 samples"; }));
}

TEST_P(Options, WorkerInitFnRunsOnceInEachWorkerBeforeItsFirstSample) {
  auto loader = make_data_loader(Probe{40}, options(4).worker_init_fn(&testing::note_init).seed(5));
  std::set<int64_t> seeds;
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (auto& batch : *loader) {
      for (int64_t row = 0; row < batch.size(); ++row) {
        const auto field = [&](const char* name) { return batch[name][row].item<int64_t>(); };
        EXPECT_EQ(field("info_id"), field("worker"));  // -1 in the trainer, which is no worker.
        EXPECT_EQ(field("init_calls"), workers() == 0 ? 0 : 1);
        if (workers() == 0) continue;
        EXPECT_EQ(field("init_id"), field("worker"));
        EXPECT_EQ(field("init_workers"), workers());
        seeds.insert(field("init_seed") - field("worker"));
      }
    }
  }
  EXPECT_EQ(seeds.size(), workers() == 0 ? 0U : 1U);
  EXPECT_EQ(seeds.count(0), 0U);
}

TEST_P(Options, WorkerInitFnRunsInAWorkerThatReplacesADeadOneToo) {
  if (!GetParam().survives_deaths()) GTEST_SKIP() << "no processes";
  Probe probe{40, Trouble::kKill, 3};
  probe.times = 2;
  auto loader = make_data_loader(probe, options(4).worker_init_fn(&testing::note_init));
  EXPECT_THAT(values(*loader, "init_calls"), ElementsAre(1));
  EXPECT_GE(loader->stats().worker_deaths, 1U);  // The second may be in the next epoch, and nobody has looked yet.
}

thread_local int init_failures = 0;

void fail_twice(const WorkerInfo& info) {
  if (init_failures++ < 2) throw std::runtime_error("no licence for worker " + std::to_string(info.id));
}

TEST_P(Options, WhatWorkerInitFnThrowsIsTheErrorOfABatchAndItRunsAgain) {
  if (workers() == 0) GTEST_SKIP() << "no workers";
  auto loader = make_data_loader(Probe{80}, options(4).worker_init_fn(&fail_twice));
  int64_t errors = 0;
  for (int epoch = 0; epoch < 2; ++epoch) {  // A worker may come too late to fail in the first.
    const auto outcome = epoch_of(*loader);
    EXPECT_EQ(outcome.sizes.size() + outcome.errors.size(), 20U);
    errors += std::ssize(outcome.errors);
    for (const auto& error : outcome.errors) {
      EXPECT_EQ(error.index(), -1);
      EXPECT_THAT(error.what(), HasSubstr("a batch, made by worker " + std::to_string(error.worker()) +
                                          ": std::runtime_error: no licence for worker"));
    }
  }
  EXPECT_GT(errors, 0);
  EXPECT_LE(errors, 2 * workers());
}

TEST_P(Options, SamplesAreReadWhereItWasAskedFor) {
  auto loader = make_data_loader(Probe{40}, options(4));
  loader->wait_ready();
  const auto pids = loader->worker_pids();
  std::set<int64_t> allowed(pids.begin(), pids.end());
  if (!GetParam().survives_deaths()) allowed = {::getpid()};
  EXPECT_EQ(allowed.size(), GetParam().survives_deaths() ? 2U : 1U);
  for (const int64_t pid : values(*loader, "pid")) EXPECT_TRUE(allowed.contains(pid));
}

TEST_P(Options, WorkersPersistFromEpochToEpoch) {
  auto loader = make_data_loader(Probe{12}, options(4).persistent_workers(true));
  const auto before = loader->worker_pids();
  for (int epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(epoch_of(*loader).indices.size(), 12U);
  EXPECT_EQ(loader->worker_pids(), before);
}

TEST_P(Options, ShuffleAndSeedDecideTheOrder) {
  const auto epochs = [&](DataLoaderOptions options) {
    auto loader = make_data_loader(Probe{30}, options.shuffle(true));
    auto indices = epoch_of(*loader).indices;
    const auto second = epoch_of(*loader).indices;
    EXPECT_NE(indices, second);
    indices.insert(indices.end(), second.begin(), second.end());
    if (!GetParam().in_order) std::sort(indices.begin(), indices.end());
    return indices;
  };
  const auto first = epochs(options(4).seed(1));
  EXPECT_EQ(first, epochs(options(4).seed(1)));
  if (in_order()) {
    EXPECT_NE(first, epochs(options(4).seed(2)));
  }
}

TEST_P(Options, ASamplerDecidesTheOrder) {
  const RandomSampler sampler(10, {.replacement = true, .num_samples = 17, .seed = 3});
  auto loader = make_data_loader(Probe{10}, sampler, options(4));
  std::vector<int64_t> expected;
  for (RandomSampler again = sampler; const auto index = again.next();) expected.push_back(*index);
  EXPECT_EQ(loader->size(), 5);
  const auto indices = epoch_of(*loader).indices;
  EXPECT_THAT(indices, UnorderedElementsAreArray(expected));
  if (in_order()) {
    EXPECT_EQ(indices, expected);
  }
}

TEST_P(Options, ABatchSamplerDecidesTheBatches) {
  const std::vector<int64_t> lengths = {1, 9, 2, 8, 3, 7, 1, 9, 2};
  auto loader =
      make_data_loader(Probe{9}, BucketBatchSampler(lengths, {.batch_size = 2, .boundaries = {5}}), options(2));
  const auto outcome = epoch_of(*loader);
  EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(9, kNothing)));
  EXPECT_THAT(outcome.sizes, ::testing::UnorderedElementsAre(2, 2, 1, 2, 2));
}

// --- names and values ---

TEST(OptionNames, AreTorchDatasAndPyTorchs) {
  const auto options = DataLoaderOptions(8)
                           .workers(3)
                           .max_jobs(5)
                           .enforce_ordering(false)
                           .timeout(milliseconds(70))
                           .drop_last(true)
                           .multiprocessing_context(StartMethod::kSpawn)
                           .prefetch_factor(4)
                           .persistent_workers(true)
                           .worker_init_fn(&testing::note_init);
  EXPECT_EQ(options.batch_size(), 8);
  EXPECT_EQ(options.num_workers(), 3);
  EXPECT_EQ(options.workers(), 3);
  EXPECT_EQ(options.prefetch(), 2);  // Which max_jobs takes the place of.
  EXPECT_EQ(options.max_jobs(), 5);
  EXPECT_FALSE(options.in_order());
  EXPECT_FALSE(options.enforce_ordering());
  EXPECT_EQ(options.timeout(), milliseconds(70));
  EXPECT_TRUE(options.drop_last());
  EXPECT_EQ(options.start_method(), StartMethod::kSpawn);
  EXPECT_EQ(options.multiprocessing_context(), StartMethod::kSpawn);
  EXPECT_EQ(options.prefetch_factor(), 4);
  EXPECT_TRUE(options.persistent_workers());
  EXPECT_EQ(options.worker_init_fn(), &testing::note_init);
}

TEST(OptionNames, HaveTheDefaultsOfBoth) {
  const DataLoaderOptions options;
  EXPECT_EQ(options.batch_size(), 1);
  EXPECT_EQ(options.num_workers(), 0);
  EXPECT_FALSE(options.shuffle());
  EXPECT_FALSE(options.drop_last());
  EXPECT_TRUE(options.in_order());
  EXPECT_EQ(options.timeout().count(), 0);
  EXPECT_EQ(options.prefetch_factor(), std::nullopt);
  EXPECT_EQ(options.worker_init_fn(), nullptr);
  EXPECT_FALSE(options.generator().defined());
}

template <class Make>
void expect_refused(const Make& make, const std::string& complaint) {
  try {
    make();
    FAIL() << "no error for " << complaint;
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("DataLoaderOptions: "));
    EXPECT_THAT(e.what(), HasSubstr(complaint));
  }
}

TEST(OptionValues, ThatMakeNoSenseAreRefusedWithWhatToDo) {
  const auto refuse = [](const DataLoaderOptions& options, const std::string& complaint) {
    expect_refused([&] { make_data_loader(Probe{4}, options); }, complaint);
  };
  refuse(DataLoaderOptions(0), "batch_size is 0, it must be positive");
  refuse(DataLoaderOptions(-3), "batch_size is -3, it must be positive");
  refuse(DataLoaderOptions(1).num_workers(-1), "num_workers is -1, it cannot be negative");
  refuse(DataLoaderOptions(1).workers(-2), "num_workers is -2, it cannot be negative");
  refuse(DataLoaderOptions(1).prefetch(-1), "prefetch is -1, it cannot be negative");
  refuse(DataLoaderOptions(1).prefetch(5000), "prefetch + held must stay below 4096");
  refuse(DataLoaderOptions(1).prefetch_factor(0), "prefetch_factor is 0, it must be positive");
  refuse(DataLoaderOptions(1).held(0), "held is 0, it must be positive");
  refuse(DataLoaderOptions(1).retries(-1), "retries is -1, it cannot be negative");
  refuse(DataLoaderOptions(1).num_streams(0), "num_streams is 0, it must be positive");
  refuse(DataLoaderOptions(1).timeout(milliseconds(-1)), "timeout is -1 ms, it cannot be negative");
  refuse(DataLoaderOptions(1).sample_timeout(milliseconds(-1)), "sample_timeout is -1 ms, it cannot be negative");
  refuse(DataLoaderOptions(1).notice_after(milliseconds(-1)), "notice_after is -1 ms, it cannot be negative");
  refuse(DataLoaderOptions(1).generator(at::detail::getDefaultCPUGenerator()),
         "generator needs seed_mode(SeedMode::kTorch); use seed");
  refuse(DataLoaderOptions(1).seed_mode(SeedMode::kTorch).num_workers(2).worker_mode(WorkerMode::kThread),
         "SeedMode::kTorch needs worker processes");
  refuse(DataLoaderOptions(1).seed_mode(SeedMode::kTorch).persistent_workers(true), "needs num_workers > 0");
}

TEST(OptionValues, ThatASamplerDecidesAreRefusedBesideIt) {
  expect_refused([] { make_data_loader(Probe{4}, SequentialSampler(4), DataLoaderOptions(1).shuffle(true)); },
                 "shuffle is for loaders without a sampler of their own; drop one");
  const BucketBatchSampler batches(std::vector<int64_t>{1, 2, 3}, {.batch_size = 2});
  expect_refused([&] { make_data_loader(Probe{3}, batches, DataLoaderOptions(2).shuffle(true)); }, "shuffle is for");
  expect_refused([&] { make_data_loader(Probe{3}, batches, DataLoaderOptions(2).drop_last(true)); },
                 "drop_last is for loaders that make batches themselves");
}

TEST(OptionValues, ABatchOfTheSamplersThatIsLargerThanBatchSizeIsAnErrorWithTheCure) {
  auto loader = make_data_loader(Probe{6}, BucketBatchSampler(std::vector<int64_t>(6, 1), {.batch_size = 3}),
                                 DataLoaderOptions(2));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const std::out_of_range& e) {
    EXPECT_THAT(e.what(), HasSubstr("a batch of 3 samples, but batch_size is 2: set it to the largest batch"));
  }
}

// --- failures ---

TEST_P(Failures, AnExceptionCostsItsBatchAndNamesTheSample) {
  auto loader = make_data_loader(Probe{40, Trouble::kThrow, 13}, options(4));
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto outcome = epoch_of(*loader);
    ASSERT_EQ(outcome.errors.size(), 1U);
    const auto& error = outcome.errors.front();
    EXPECT_EQ(error.index(), 13);
    EXPECT_EQ(error.path(), "probe 13");
    EXPECT_EQ(error.type(), "std::out_of_range");
    EXPECT_EQ(error.message(), "no such probe");
    EXPECT_EQ(error.worker() == -1, workers() == 0);
    EXPECT_THAT(error.what(), HasSubstr("sample 13 (probe 13), read "));
    EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(40, [](int64_t i) { return i / 4 == 3; })));
  }
}

TEST_P(Failures, WhatIsNoStdExceptionIsReportedByItsType) {
  auto loader = make_data_loader(Probe{40, Trouble::kThrowInt, 13}, options(4));
  const auto outcome = epoch_of(*loader);
  ASSERT_EQ(outcome.errors.size(), 1U);
  EXPECT_EQ(outcome.errors.front().index(), 13);
  EXPECT_EQ(outcome.errors.front().type(), "int");
  EXPECT_THAT(outcome.errors.front().message(), HasSubstr("it is no std::exception"));
  EXPECT_EQ(outcome.indices.size(), 36U);
}

TEST_P(Failures, ManyErrorsCostNothingButTheirBatches) {
  Probe probe{63, Trouble::kThrow, 3};
  probe.period = 7;
  auto loader = make_data_loader(probe, options(3).shuffle(true));
  for (int epoch = 0; epoch < 3; ++epoch) {
    const auto outcome = epoch_of(*loader);
    EXPECT_EQ(outcome.sizes.size() + outcome.errors.size(), 21U);
    const std::set<int64_t> distinct(outcome.indices.begin(), outcome.indices.end());
    EXPECT_EQ(distinct.size(), outcome.indices.size());
    EXPECT_EQ(distinct.size(), 3 * outcome.sizes.size());
    for (const int64_t index : distinct) EXPECT_NE(index % 7, 3);
  }
}

TEST_P(Failures, TheLoopGoesOnByNextAsByRange) {
  auto loader = make_data_loader(Probe{12, Trouble::kThrow, 0}, options(4));
  if (in_order()) {
    EXPECT_THROW(for (auto& batch : *loader) batch.size(), SampleError);
    EXPECT_EQ(epoch_of(*loader).indices.size(), 8U);  // The rest of that epoch.
  }
  EXPECT_EQ(epoch_of(*loader).indices.size(), 8U);
}

class Deaths : public OverPlaces {
 protected:
  void SetUp() override {
    if (!GetParam().survives_deaths()) GTEST_SKIP() << "what ends a worker ends the trainer";
  }

  // The first time is one too many.
  WorkerDied given_up(Trouble trouble) {
    auto loader = make_data_loader(Probe{40, trouble, 13}, options(4).retries(0));
    const auto outcome = epoch_of(*loader);
    EXPECT_EQ(outcome.deaths.size(), 1U);
    EXPECT_EQ(outcome.indices.size(), 36U);
    EXPECT_THAT(outcome.deaths.at(0).what(), HasSubstr("while reading sample 13 (probe 13)"));
    EXPECT_THAT(outcome.deaths.at(0).what(), HasSubstr("its batch is given up"));
    EXPECT_GT(outcome.deaths.at(0).pid(), 0);
    return outcome.deaths.at(0);
  }
};

INSTANTIATE_TEST_SUITE_P(Places, Deaths, ::testing::ValuesIn(testing::all_places()), testing::place_name);

TEST_P(Deaths, ExitIsReportedWithItsCode) {
  const auto death = given_up(Trouble::kExit);
  EXPECT_EQ(death.status().code(), 3);
  EXPECT_EQ(death.signal(), 0);
  EXPECT_THAT(death.what(), HasSubstr("exited with code 3"));
}

TEST_P(Deaths, AKillIsReportedByItsSignal) {
  const auto death = given_up(Trouble::kKill);
  EXPECT_EQ(death.signal(), SIGKILL);
  EXPECT_THAT(death.what(), HasSubstr("SIGKILL"));
}

TEST_P(Deaths, AFaultIsReportedByItsSignal) {
  const auto death = given_up(Trouble::kFault);
  EXPECT_EQ(death.signal(), SIGSEGV);
  EXPECT_THAT(death.what(), HasSubstr("SIGSEGV"));
}

TEST_P(Deaths, AreRepairedWithoutAWordWithinTheRetries) {
  for (const auto trouble : {Trouble::kExit, Trouble::kFault}) {
    Probe probe{40, trouble, 13};
    probe.times = 2;
    auto loader = make_data_loader(probe, options(4).retries(2));
    const auto outcome = epoch_of(*loader);
    EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(40, kNothing)));
    EXPECT_EQ(outcome.deaths.size(), 0U);
    EXPECT_GE(loader->stats().worker_deaths, 1U);
  }
}

TEST_P(Deaths, OfAStoppedWorkerAreOrderedAtTheSampleTimeout) {
  auto loader =
      make_data_loader(Probe{40, Trouble::kStop, 13}, options(4).retries(0).sample_timeout(milliseconds(500)));
  const auto outcome = epoch_of(*loader);
  ASSERT_EQ(outcome.deaths.size(), 1U);
  EXPECT_THAT(outcome.deaths.front().doing(), HasSubstr("reading sample 13 (probe 13), where it was stuck for "));
  EXPECT_EQ(outcome.deaths.front().signal(), SIGKILL);
  EXPECT_EQ(outcome.indices.size(), 36U);
}

TEST_P(Deaths, OfAWorkerThatIsStoppedOnceCostNothing) {
  Probe probe{40, Trouble::kStop, 13};
  probe.times = 1;
  auto loader = make_data_loader(probe, options(4).sample_timeout(milliseconds(500)));
  EXPECT_THAT(epoch_of(*loader).indices, UnorderedElementsAreArray(all_but(40, kNothing)));
  EXPECT_GE(loader->stats().worker_deaths, 1U);
}

TEST_P(Deaths, ASampleThatKillsAgainAndAgainIsGivenUp) {
  auto loader = make_data_loader(Probe{40, Trouble::kKill, 13}, options(4).retries(1));
  const auto outcome = epoch_of(*loader);
  ASSERT_EQ(outcome.deaths.size(), 1U);
  EXPECT_THAT(outcome.deaths.front().what(), HasSubstr("2 workers died there, so its batch is given up"));
  EXPECT_THAT(outcome.indices, UnorderedElementsAreArray(all_but(40, [](int64_t i) { return i / 4 == 3; })));
}

TEST_P(Deaths, ASampleThatKillsIsReplacedByAnotherOfItsBatch) {
  auto loader = make_data_loader(Probe{12, Trouble::kKill, 5}, options(4).retries(0).on_error(OnError::kReplace));
  auto indices = epoch_of(*loader).indices;
  std::sort(indices.begin(), indices.end());
  EXPECT_THAT(indices, ElementsAre(0, 1, 2, 3, 4, 6, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(loader->stats().last_error, HasSubstr("that sample is given up"));
}

TEST_P(Deaths, OfStuckWorkersDoNotHoldUpTheDestructor) {
  Probe probe{40, Trouble::kStop, 0};
  probe.period = 1;
  auto loader = make_data_loader(probe, uncompared_options(4).timeout(milliseconds(100)));
  EXPECT_TRUE(wait_until([&] {
    EXPECT_THROW(loader->next(), LoaderTimeout);
    return probe.tally.troubles().load() == workers();
  }));
  const auto start = std::chrono::steady_clock::now();
  loader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));  // Two for all of them together.
}

TEST_P(Failures, AStuckThreadIsNamedAtTheSampleTimeout) {
  if (!threads()) GTEST_SKIP() << "no threads";
  Probe probe{12, Trouble::kWait, 5};
  auto loader = make_data_loader(probe, options(4).sample_timeout(milliseconds(200)));
  bool named = false;
  for (int tries = 0; tries < 4 && !named; ++tries) {
    try {
      loader->next();
    } catch (const LoaderTimeout& e) {
      named = true;
      EXPECT_THAT(e.what(), HasSubstr("cannot be killed"));
      EXPECT_THAT(e.what(), HasSubstr("reads sample 5 (probe 5)"));
    }
  }
  EXPECT_TRUE(named);
  probe.tally.released().store(1);
}

}  // namespace
}  // namespace millrace
