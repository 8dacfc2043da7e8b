#include <gtest/gtest.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/stages.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace::stages_test {
namespace {

using testing::Mode;
using testing::Numbers;

constexpr int64_t kSamples = 200;
constexpr uint64_t kBytes = 1000;

// Numbers that say what they do: one read of kBytes and two decodes a sample.
struct Marked {
  Numbers numbers{kSamples};

  size_t size() const { return numbers.size(); }
  SampleSpec spec() const { return numbers.spec(); }
  void read(size_t i, SampleRow& row, SampleContext& context) const {
    {
      const StageScope reading(Stage::kRead);
      reading.add_bytes(kBytes);
    }
    for (int k = 0; k < 2; ++k) {
      const StageScope decoding(Stage::kDecode);
      numbers.read(i, row, context);
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(numbers);
  }
};

// The same as samples that are collated.
struct MarkedSamples {
  int64_t n = kSamples;

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i) const {
    const StageScope reading(Stage::kRead);
    reading.add_bytes(kBytes);
    return {{"name", "number " + std::to_string(i)}};
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

DataLoaderOptions measured(const Mode& mode, Profile profile = Profile::kTimes) {
  return mode.options(10).prefetch_next_epoch(false).profile(profile);
}

template <class Loader>
int64_t read_epoch(Loader& loader) {
  int64_t batches = 0;
  while (loader.next()) ++batches;
  return batches;
}

class StagesOf : public ::testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(Modes, StagesOf,
                         ::testing::Values(testing::kInline, testing::threads(2),
                                           testing::processes(StartMethod::kForkServer, 2),
                                           testing::processes(StartMethod::kFork, 3)),
                         [](const auto& test) { return test.param.name; });

TEST_P(StagesOf, CountsAreExact) {
  auto loader = make_data_loader(Marked{}, measured(GetParam()));
  for (int epoch = 1; epoch <= 2; ++epoch) {
    read_epoch(*loader);
    const StageReport report = loader->stages();
    const auto read = static_cast<uint64_t>(epoch * kSamples);
    EXPECT_EQ(report.workers.size(), std::max<size_t>(static_cast<size_t>(GetParam().workers), 1));
    EXPECT_EQ(report.samples(), read);
    EXPECT_EQ(report[Stage::kGet].calls, read);
    EXPECT_EQ(report[Stage::kRead].calls, read);
    EXPECT_EQ(report[Stage::kRead].bytes, read * kBytes);
    EXPECT_EQ(report[Stage::kDecode].calls, 2 * read);
    EXPECT_EQ(report[Stage::kTransform].calls, 0U);
  }
}

TEST_P(StagesOf, CollatedBatchesAreCountedToo) {
  auto loader = make_data_loader(MarkedSamples{}, measured(GetParam()));
  const auto batches = static_cast<uint64_t>(read_epoch(*loader));
  const StageReport report = loader->stages();
  EXPECT_EQ(report.samples(), uint64_t{kSamples});
  EXPECT_EQ(report[Stage::kRead].bytes, kSamples * kBytes);
  EXPECT_EQ(report[Stage::kCollate].calls, batches);
}

TEST_P(StagesOf, NothingIsMeasuredUnasked) {
  auto loader = make_data_loader(Marked{}, measured(GetParam(), Profile::kOff));
  read_epoch(*loader);
  EXPECT_TRUE(loader->stages().workers.empty());
  EXPECT_TRUE(loader->take_spans().spans.empty());
}

TEST_P(StagesOf, SpansLieInTheTimeOfTheLoader) {
  const auto now = [] { return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()); };
  const uint64_t before = now();
  auto loader = make_data_loader(Marked{}, measured(GetParam(), Profile::kTrace));
  read_epoch(*loader);
  const StageSpans taken = loader->take_spans();
  EXPECT_GT(taken.spans.size(), 0U);
  EXPECT_EQ(taken.lost, 0U);
  std::vector<bool> has_stage(kStages, false);
  for (const StageSpan& span : taken.spans) {
    EXPECT_LE(before, span.start_ns);
    EXPECT_LE(span.start_ns, span.end_ns);
    EXPECT_LE(span.end_ns, now());
    EXPECT_LT(span.sample, kSamples);
    has_stage[static_cast<size_t>(span.stage)] = true;
  }
  EXPECT_TRUE(has_stage[static_cast<size_t>(Stage::kGet)] || has_stage[static_cast<size_t>(Stage::kDecode)]);
}

TEST(Stages, AScopeOutsideOfWorkersDoesNothing) {
  const StageScope reading(Stage::kRead);
  reading.add_bytes(1);
  EXPECT_EQ(detail::stage_listener, nullptr);
}

// A loader in whose samples another is read.
struct Nested {
  int64_t n = 4;

  size_t size() const { return static_cast<size_t>(n); }
  SampleSpec spec() const { return {{"x", c10::ScalarType::Byte, {}}}; }
  void read(size_t, SampleRow&, SampleContext&) const {
    const StageScope reading(Stage::kRead);
    auto inner = make_data_loader(Marked{}, measured(testing::kInline));
    read_epoch(*inner);
    const StageScope transforming(Stage::kTransform);
  }
};

TEST(Stages, ALoaderInsideOfAnotherIsMeasuredByItself) {
  auto loader = make_data_loader(Nested{}, measured(testing::kInline));
  read_epoch(*loader);
  const StageReport report = loader->stages();
  EXPECT_EQ(report[Stage::kRead].calls, 4U);
  EXPECT_EQ(report[Stage::kTransform].calls, 4U);
  EXPECT_EQ(report[Stage::kDecode].calls, 0U);
}

// Memory that forked workers share.
std::atomic<int>& shared_counter() {
  void* const memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *new (memory) std::atomic<int>(0);
}

TEST(Stages, WhatADeadWorkerCountedRemains) {
  auto& flag = shared_counter();
  const testing::Troubled dataset{Numbers{kSamples}, 115, testing::Troubled::How::kDieOnce,
                                  reinterpret_cast<uint64_t>(&flag)};
  auto loader = make_data_loader(dataset, measured(testing::processes(StartMethod::kFork, 2)));
  read_epoch(*loader);
  EXPECT_EQ(loader->stats().worker_deaths, 1U);
  EXPECT_EQ(loader->stages().samples(), uint64_t{kSamples})
      << "the range of the dead is counted once, when it was read";
  ::munmap(&flag, 4096);
}

TEST(Stages, SamplesThatCannotBeReadAreNotCounted) {
  const testing::Troubled dataset{Numbers{kSamples}, 115, testing::Troubled::How::kThrow, 0};
  auto loader = make_data_loader(dataset, measured(testing::kInline).on_error(OnError::kSkip));
  read_epoch(*loader);
  EXPECT_EQ(loader->stats().samples, uint64_t{kSamples - 1});
  EXPECT_EQ(loader->stages().samples(), uint64_t{kSamples - 1});
}

TEST(Stages, WorkersThatHaveNothingToReadWait) {
  auto loader = make_data_loader(Marked{}, measured(testing::threads(2)).held(2).prefetch(1));
  const auto kept = loader->next();
  ASSERT_TRUE(kept);
  loader->wait_ready();
  StageReport report;
  // Time passes for workers who wait, whether or not they ever read again.
  do report = loader->stages();
  while (report.workers[0].wait_ns < 2'000'000 || report.workers[1].wait_ns < 2'000'000);
  EXPECT_GE(report.wait_s(), 4e-3);
}

// --- beside the kernel's figures ---

double seconds_of(clockid_t clock) {
  timespec time = {};
  EXPECT_EQ(::clock_gettime(clock, &time), 0);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Samples of eight bytes, for each of which a processor has so much to do.
struct Work {
  double seconds = 0;

  size_t size() const { return 1'000'000; }
  SampleSpec spec() const { return {{"x", c10::ScalarType::Long, {}}}; }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    row.set<int64_t>("x", static_cast<int64_t>(i));
    if (seconds == 0) return;
    const StageScope decoding(Stage::kDecode);
    const double end = seconds_of(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (seconds_of(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(seconds);
  }
};

struct Agreement {
  double cpu = 0;   // Of all stages, by what the kernel says of the worker's process.
  double cost = 0;  // Of looks at clocks, by the time that the worker was busy.
};

void take(DataLoader& loader, int64_t batches) {
  for (int64_t b = 0; b < batches; ++b)
    if (!loader.next()) loader.next();
}

Agreement agreement_of(const Work& work, DataLoaderOptions options, int64_t batches) {
  auto loader = make_data_loader(work, options.num_workers(1).profile(Profile::kTimes));
  loader->wait_ready();
  take(*loader, batches / 10);
  clockid_t worker = 0;
  EXPECT_EQ(::clock_getcpuclockid(loader->worker_pids().at(0), &worker), 0);
  const StageReport before = loader->stages();
  const double cpu_before = seconds_of(worker);
  take(*loader, batches);
  const double cpu = seconds_of(worker) - cpu_before;
  const StageReport report = loader->stages().since(before);
  return {report.cpu_s() / cpu, report.cost.seconds() / report.busy_s()};
}

double median_of(const std::vector<Agreement>& runs, double Agreement::* of) {
  std::vector<double> values;
  for (const Agreement& run : runs) values.push_back(run.*of);
  std::ranges::sort(values);
  return (values[values.size() / 2] + values[(values.size() - 1) / 2]) / 2;
}

void expect_agreement(const Work& work, const DataLoaderOptions& options, int64_t batches) {
  std::vector<Agreement> runs;
  for (int i = 0; i < 10; ++i) runs.push_back(agreement_of(work, options, batches));
  EXPECT_NEAR(median_of(runs, &Agreement::cpu), 1, 0.1);
  EXPECT_LE(median_of(runs, &Agreement::cost), 0.01);
}

TEST(Stages, AgreeWithTheKernelAboutTinySamples) { expect_agreement(Work{}, DataLoaderOptions(256), 4'000); }

TEST(Stages, AgreeWithTheKernelAboutSamplesThatAreDecoded) {
  expect_agreement(Work{.seconds = 200e-6}, DataLoaderOptions(8), 100);
}

}  // namespace
}  // namespace millrace::stages_test
