// What is said of a loader that is slow: of figures, and of loaders in each of which something was made slow.
#include "millrace/apps/millrace/bench/bottleneck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/stages.h"

namespace millrace::bottleneck_test {
namespace {

using apps::Bottleneck;
using apps::LoaderFacts;
using apps::verdict_of;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// --- figures ---

// Seconds of a stage, and how many of them a processor was had.
struct Spent {
  Stage stage;
  double wall_s, cpu_s;
};

uint64_t ns(double seconds) { return static_cast<uint64_t>(std::llround(1e9 * seconds)); }

struct Case {
  std::string name = {};
  double waited_s = 9;  // Of 10 seconds.
  int64_t workers = 2;
  int processors = 2;
  std::vector<Spent> spent = {};
  double wait_s = 0.2;  // Of the workers.
  double run_queue_s = 0;
  uint64_t slow_samples = 0;  // Of 1000, which take half of the time.
  Bottleneck wanted = Bottleneck::kUnknown;
  std::string first_change = {};  // Begins so.
};

LoaderFacts facts_of(const Case& given) {
  LoaderFacts facts{.seconds = 10,
                    .waited_s = given.waited_s,
                    .workers = given.workers,
                    .prefetch = 2,
                    .processors = given.processors,
                    .run_queue_s = given.run_queue_s,
                    .stages = {}};
  WorkerStages worker;
  for (const Spent& spent : given.spent) {
    auto& measured = worker.measured[static_cast<size_t>(spent.stage)];
    measured.ns = measured.of_ns = ns(spent.wall_s);
    measured.cpu_ns = ns(spent.cpu_s);
    worker.busy_ns += ns(spent.wall_s);
    worker.cpu_ns += ns(spent.cpu_s);
  }
  worker.wait_ns = ns(given.wait_s);
  worker.cpu_of_ns = worker.busy_ns + worker.wait_ns;
  constexpr uint64_t kSamples = 1000;
  worker.samples = kSamples;
  const auto put = [&](uint64_t samples, uint64_t all_ns) {
    if (samples > 0)
      worker.sample_times.buckets[static_cast<size_t>(std::bit_width(all_ns / samples))] = {samples, all_ns};
  };
  const uint64_t slow_ns = given.slow_samples > 0 ? worker.busy_ns / 2 : 0;
  put(kSamples - given.slow_samples, worker.busy_ns - slow_ns);
  put(given.slow_samples, slow_ns);
  if (given.slow_samples > 0) facts.stages.slowest = {123, 1, slow_ns / given.slow_samples};
  facts.stages.workers.push_back(worker);
  return facts;
}

class Verdicts : public ::testing::TestWithParam<Case> {};

TEST_P(Verdicts, NameTheBottleneckAndWhatToChange) {
  const auto verdict = verdict_of(facts_of(GetParam()));
  EXPECT_EQ(name_of(verdict.what), name_of(GetParam().wanted)) << verdict.why;
  EXPECT_THAT(verdict.why, Not(IsEmpty()));
  ASSERT_THAT(verdict.changes, Not(IsEmpty()));
  EXPECT_THAT(verdict.changes.front(), StartsWith(GetParam().first_change));
}

const std::vector<Spent> kDecodes = {{Stage::kRead, 2, 1.5}, {Stage::kDecode, 15, 15}, {Stage::kTransform, 2, 2}};
const std::vector<Spent> kReads = {{Stage::kRead, 18, 0.5}, {Stage::kDecode, 1, 1}};

INSTANTIATE_TEST_SUITE_P(
    Of, Verdicts,
    ::testing::Values(
        Case{.name = "decode",
             .spent = kDecodes,
             .wanted = Bottleneck::kDecode,
             .first_change = "store smaller pictures"},
        Case{.name = "storage", .spent = kReads, .wanted = Bottleneck::kStorage, .first_change = "tar shards"},
        Case{.name = "storage_though_processors_are_free",
             .processors = 64,
             .spent = kReads,
             .wanted = Bottleneck::kStorage,
             .first_change = "tar shards"},
        Case{.name = "many_small_files",
             .spent = {{Stage::kRead, 12, 11}, {Stage::kDecode, 6, 6}},
             .wanted = Bottleneck::kRead,
             .first_change = "tar shards"},
        Case{.name = "transform",
             .spent = {{Stage::kDecode, 6, 6}, {Stage::kTransform, 12, 12}},
             .wanted = Bottleneck::kTransform,
             .first_change = "fewer or cheaper transforms"},
        Case{.name = "collate",
             .spent = {{Stage::kGet, 6, 6}, {Stage::kCollate, 12, 12}},
             .wanted = Bottleneck::kCollate,
             .first_change = "samples of fixed shapes"},
        Case{.name = "dataset",
             .spent = {{Stage::kGet, 19, 19}},
             .wanted = Bottleneck::kGet,
             .first_change = "mark its parts"},
        Case{.name = "dataset_that_waits",
             .spent = {{Stage::kGet, 19, 1}},
             .wanted = Bottleneck::kBlockedGet,
             .first_change = "loader.num_workers: 4"},
        Case{.name = "tiny_samples",
             .spent = {{Stage::kGet, 5, 5}, {Stage::kHandOver, 14, 14}},
             .wanted = Bottleneck::kHandOver,
             .first_change = "loader.batch_size"},
        Case{.name = "too_few_workers",
             .workers = 1,
             .processors = 8,
             .spent = {{Stage::kDecode, 9.5, 9.5}},
             .wanted = Bottleneck::kTooFewWorkers,
             .first_change = "loader.num_workers: 8"},
        Case{.name = "no_workers",
             .workers = 0,
             .processors = 4,
             .spent = {{Stage::kDecode, 9, 9}},
             .wait_s = 0,
             .wanted = Bottleneck::kNoWorkers,
             .first_change = "loader.num_workers: 4"},
        Case{.name = "no_workers_for_one_processor",
             .workers = 0,
             .processors = 1,
             .spent = {{Stage::kDecode, 9, 9}},
             .wait_s = 0,
             .wanted = Bottleneck::kDecode,
             .first_change = "store smaller pictures"},
        Case{.name = "consumer",
             .waited_s = 0.2,
             .spent = {{Stage::kDecode, 2, 2}},
             .wait_s = 18,
             .wanted = Bottleneck::kConsumer,
             .first_change = "the loader is fast enough"},
        Case{.name = "prefetch",
             .spent = {{Stage::kDecode, 4, 4}},
             .wait_s = 16,
             .wanted = Bottleneck::kPrefetch,
             .first_change = "loader.prefetch: 4"},
        Case{.name = "processors",
             .workers = 8,
             .spent = {{Stage::kDecode, 80, 20}},
             .run_queue_s = 58,
             .wanted = Bottleneck::kProcessors,
             .first_change = "loader.num_workers: 2"},
        Case{.name = "slow_samples",
             .spent = kDecodes,
             .slow_samples = 1,
             .wanted = Bottleneck::kSlowSamples,
             .first_change = "look at these samples"},
        Case{.name = "slow_samples_though_workers_wait",
             .spent = {{Stage::kDecode, 4, 4}},
             .wait_s = 16,
             .slow_samples = 3,
             .wanted = Bottleneck::kSlowSamples,
             .first_change = "look at these samples"},
        Case{.name = "samples_that_only_lacked_a_processor",
             .spent = kDecodes,
             .run_queue_s = 9,
             .slow_samples = 1,
             .wanted = Bottleneck::kProcessors,
             .first_change = "end what else runs"}),
    [](const auto& test) { return test.param.name; });

TEST(Verdict, OfNothingIsUnknown) {
  EXPECT_EQ(verdict_of(LoaderFacts()).what, Bottleneck::kUnknown);
  EXPECT_EQ(verdict_of(LoaderFacts{.seconds = 1, .waited_s = 1, .workers = 2}).what, Bottleneck::kUnknown);
}

TEST(Verdict, NamesTheSlowestSample) {
  const auto verdict = verdict_of(facts_of(
      {.name = "", .spent = kDecodes, .slow_samples = 1, .wanted = Bottleneck::kSlowSamples, .first_change = ""}));
  EXPECT_THAT(verdict.why, HasSubstr("1 of 1000 samples take 50 % of the workers' time"));
  EXPECT_THAT(verdict.why, HasSubstr("the slowest is 123 with 9.5 s"));
}

TEST(Verdict, SaysHowManyWorkersWouldKeepUp) {
  auto facts = facts_of({.name = "",
                         .waited_s = 0.1,
                         .workers = 8,
                         .processors = 8,
                         .spent = {{Stage::kDecode, 12, 12}},
                         .wait_s = 68,
                         .wanted = Bottleneck::kConsumer,
                         .first_change = ""});
  EXPECT_THAT(verdict_of(facts).changes, Contains(StartsWith("loader.num_workers: 2 would keep up")));
}

TEST(Verdict, StreamsThatAreFewerThanWorkersAreTold) {
  auto facts = facts_of({.name = "",
                         .workers = 4,
                         .spent = {{Stage::kGet, 10, 10}},
                         .wait_s = 30,
                         .wanted = Bottleneck::kPrefetch,
                         .first_change = ""});
  facts.streams = 1;
  EXPECT_THAT(verdict_of(facts).changes, Contains(StartsWith("loader.num_streams: 8")));
}

// --- loaders ---

double cpu_now() {
  timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Whatever else runs here, so much time of a processor is taken.
void work_for(double seconds) {
  const double end = cpu_now() + seconds;
  while (cpu_now() < end) {
  }
}

void wait_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

// Samples that read and decode, each as long as it is told.
struct Planted {
  double read_s = 0;    // Without a processor.
  double decode_s = 0;  // On one.
  int64_t slow = -1;    // The index of a sample whose decoding takes slow_s.
  double slow_s = 0;
  int64_t n = 1'000;

  size_t size() const { return static_cast<size_t>(n); }
  SampleSpec spec() const { return {{"x", c10::ScalarType::Byte, {}}}; }
  void read(size_t i, SampleRow&, SampleContext&) const {
    {
      const StageScope reading(Stage::kRead);
      if (read_s > 0) wait_for(read_s);
    }
    const StageScope decoding(Stage::kDecode);
    const double decode = static_cast<int64_t>(i) == slow ? slow_s : decode_s;
    if (decode > 0) work_for(decode);
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(read_s, decode_s, slow, slow_s, n);
  }
};

// Takes so many batches, each for so many seconds. The machine is said to have two processors free.
LoaderFacts measure(const Planted& dataset, int64_t workers, int64_t batches, double step_s = 0, int processors = 2) {
  const auto options = DataLoaderOptions(10).num_workers(workers).profile(Profile::kTimes);
  auto loader = make_data_loader(dataset, options);
  loader->wait_ready();
  const auto start = std::chrono::steady_clock::now();
  const double waited = loader->stats().wait_seconds;
  const StageReport before = loader->stages();
  for (int64_t b = 0; b < batches; ++b) {
    if (!loader->next()) loader->next();
    if (step_s > 0) wait_for(step_s);
  }
  return {.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          .waited_s = loader->stats().wait_seconds - waited,
          .workers = workers,
          .prefetch = options.prefetch(),
          .processors = processors,
          .stages = loader->stages().since(before)};
}

constexpr double kLong = 2e-3, kShort = 1e-5;

TEST(PlantedBottleneck, SlowDecode) {
  const auto verdict = verdict_of(measure({.read_s = 0, .decode_s = kLong}, 2, 20));
  EXPECT_EQ(name_of(verdict.what), name_of(Bottleneck::kDecode)) << verdict.why;
}

TEST(PlantedBottleneck, SlowStorage) {
  const auto verdict = verdict_of(measure({.read_s = 10 * kLong, .decode_s = kShort}, 2, 10));
  EXPECT_EQ(name_of(verdict.what), name_of(Bottleneck::kStorage)) << verdict.why;
}

TEST(PlantedBottleneck, SlowConsumer) {
  const auto verdict = verdict_of(measure({.read_s = 0, .decode_s = kShort}, 2, 20, 20e-3));
  EXPECT_EQ(name_of(verdict.what), name_of(Bottleneck::kConsumer)) << verdict.why;
}

TEST(PlantedBottleneck, TooFewWorkers) {
  const auto verdict = verdict_of(measure({.read_s = 0, .decode_s = kLong}, 1, 20, 0, 8));
  EXPECT_EQ(name_of(verdict.what), name_of(Bottleneck::kTooFewWorkers)) << verdict.why;
  EXPECT_THAT(verdict.changes, Contains(std::string("loader.num_workers: 8")));
}

TEST(PlantedBottleneck, OneSlowSampleInAThousand) {
  const auto facts = measure({.read_s = 0, .decode_s = 5 * kShort, .slow = 700, .slow_s = 0.5}, 2, 100);
  const auto verdict = verdict_of(facts);
  EXPECT_EQ(name_of(verdict.what), name_of(Bottleneck::kSlowSamples)) << verdict.why;
  // Where a look at the clock is dear, a few samples as short as these are read between two looks.
  const SlowestSample& slowest = facts.stages.slowest;
  EXPECT_LE(slowest.index, 700) << verdict.why;
  EXPECT_GT(slowest.index + static_cast<int64_t>(slowest.samples), 700) << verdict.why;
  EXPECT_LE(slowest.samples, 10) << verdict.why;
}

}  // namespace
}  // namespace millrace::bottleneck_test
