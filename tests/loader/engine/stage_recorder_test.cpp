#include "millrace/loader/engine/stage_recorder.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "millrace/loader/engine/stage_reader.h"
#include "millrace/loader/engine/trainer_board.h"

namespace millrace::stage_recorder_test {
namespace {

// Clocks that stand still until they are told; a look at them takes its price, on the processor.
struct FakeClock final : StageClock {
  uint64_t now() override {
    pass(static_cast<uint64_t>(price.clock_ns));
    return time;
  }
  uint64_t cpu_now() override {
    pass(static_cast<uint64_t>(price.cpu_clock_ns));
    return cpu;
  }
  Prices prices() override { return price; }

  void pass(uint64_t ns) {
    time += ns;
    cpu += ns;
  }
  void block(uint64_t ns) { time += ns; }

  Prices price;
  uint64_t time = 1'000'000;
  uint64_t cpu = 500;
};

// A worker's room on a board, and its recorder.
struct Recording : testing::Test {
  static constexpr uint32_t kBytes = stage_bytes(Profile::kTrace);
  static constexpr Board::Geometry kGeometry{
      .slots = 1, .ranges = 1, .range_samples = 1, .workers = 1, .stage_bytes = kBytes};

  void start() { recorder.emplace(block(), span_ring(board.stage_memory(0)), clock); }

  StageBlock& block() { return stage_block(board.stage_memory(0)); }

  // A range whose samples each block for `read` and work for `decode`.
  void range(int64_t first, int samples, uint64_t read, uint64_t decode) {
    recorder->begin_range(clock.time);
    for (int i = 0; i < samples; ++i) {
      if (recorder->times_samples()) recorder->begin_sample(first + i);
      recorder->enter(Stage::kRead);
      clock.block(read);
      recorder->add_bytes(Stage::kRead, 10);
      recorder->leave();
      recorder->enter(Stage::kDecode);
      clock.pass(decode);
      recorder->leave();
    }
    recorder->begin_hand_over(static_cast<uint64_t>(samples), first);
    recorder->end_range(clock.time);
  }

  WorkerStages read() { return reader.report(0).workers.at(0); }

  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> memory = std::vector<Line>(Board::bytes(kGeometry) / sizeof(Line) + 1);
  TrainerBoard board{reinterpret_cast<std::byte*>(memory.data()), kGeometry};
  StageReader reader{board, StageReader::ReadBy::kWorkers};
  FakeClock clock;
  std::optional<StageRecorder> recorder;
};

TEST_F(Recording, TimesOfStagesAreThoseThatPassedInThem) {
  start();
  range(7, 2, 100'000, 300'000);
  const WorkerStages worker = read();
  EXPECT_DOUBLE_EQ(worker.busy_s(), 800e-6);
  EXPECT_DOUBLE_EQ(worker[Stage::kRead].wall_s, 200e-6);
  EXPECT_DOUBLE_EQ(worker[Stage::kDecode].wall_s, 600e-6);
  EXPECT_DOUBLE_EQ(worker[Stage::kGet].wall_s, 0);
}

TEST_F(Recording, AStageThatBlocksHasNoTimeOnTheProcessor) {
  start();
  range(7, 2, 100'000, 300'000);
  EXPECT_DOUBLE_EQ(read()[Stage::kRead].cpu_s, 0);
  EXPECT_DOUBLE_EQ(read()[Stage::kDecode].cpu_s, 600e-6);
}

TEST_F(Recording, WhatLooksCostIsNotChargedToStages) {
  clock.price = {20, 5'000};
  start();
  range(7, 2, 100'000, 300'000);
  const WorkerStages worker = read();
  const auto& decode = worker.measured[static_cast<size_t>(Stage::kDecode)];
  EXPECT_EQ(decode.ns, 600'000U);
  EXPECT_EQ(decode.of_ns, 600'000U);
  EXPECT_EQ(decode.cpu_ns, 600'000U);
  EXPECT_EQ(worker.measured[static_cast<size_t>(Stage::kRead)].cpu_ns, 0U);
}

TEST_F(Recording, CountsAreExactThoughFewRangesAreMeasured) {
  clock.price = {20, 5'000};
  start();
  constexpr int kRanges = 10'000, kSamples = 8;
  for (int r = 0; r < kRanges; ++r) range(r * kSamples, kSamples, 0, 60);
  const WorkerStages worker = read();
  EXPECT_EQ(worker.samples, uint64_t{kRanges} * kSamples);
  EXPECT_EQ(worker.ranges, uint64_t{kRanges});
  EXPECT_EQ(worker[Stage::kDecode].calls, uint64_t{kRanges} * kSamples);
  EXPECT_EQ(worker[Stage::kGet].calls, uint64_t{kRanges} * kSamples);
  EXPECT_EQ(worker[Stage::kRead].bytes, uint64_t{kRanges} * kSamples * 10);
  EXPECT_EQ(worker.sample_times.samples(), uint64_t{kRanges} * kSamples);
  EXPECT_LT(reader.report(0).cost.measured_ranges, uint64_t{kRanges} / 100);
}

TEST_F(Recording, LooksTakeLessThanAHundredthOfTheTimeOfTheTiniestSamples) {
  clock.price = {20, 5'000};
  start();
  for (int r = 0; r < 100'000; ++r) range(r * 8, 8, 0, 60);
  const StageReport report = reader.report(0);
  EXPECT_GT(report.cost.measured_ranges, 1U);
  EXPECT_LT(report.cost.seconds(), 0.01 * report.busy_s());
}

TEST_F(Recording, LooksTakeLessThanAHundredthOfTheTimeOfPicturesToo) {
  clock.price = {20, 5'000};
  start();
  for (int r = 0; r < 2'000; ++r) range(r * 4, 4, 100'000, 900'000);
  const StageReport report = reader.report(0);
  EXPECT_EQ(report.cost.measured_ranges, report.workers[0].ranges)
      << "transitions of long samples cost next to nothing";
  EXPECT_LT(report.cost.seconds(), 0.01 * report.busy_s());
}

TEST_F(Recording, TimeOnTheProcessorIsTheThreadsThoughFewRangesAreMeasured) {
  clock.price = {20, 5'000};
  start();
  const uint64_t began = clock.cpu;
  // Now and then somebody else has the processor: seldom enough that it is in none of the measured ranges, or few.
  for (int r = 0; r < 100'000; ++r) range(r * 8, 8, r % 1'000 == 999 ? 200'000 : 0, 60);
  const StageReport report = reader.report(0);
  const double cpu_s = 1e-9 * static_cast<double>(clock.cpu - began);
  EXPECT_GT(report.busy_s(), 2 * cpu_s);
  EXPECT_NEAR(report.cpu_s(), cpu_s, 0.1 * cpu_s);
  double sum = 0;
  for (const Stage stage : kAllStages) sum += report[stage].cpu_s;
  EXPECT_NEAR(sum, report.cpu_s(), 1e-9);
  EXPECT_LT(report.cost.seconds(), 0.01 * report.busy_s());
}

TEST_F(Recording, TheTrainersOwnTimeOnTheProcessorIsNoWorkers) {
  start();
  for (int r = 0; r < 100; ++r) {
    clock.pass(1'000'000);
    recorder->begin_anew(clock.time);
    range(r, 1, 100, 300);
  }
  EXPECT_EQ(read().cpu_of_ns, 100U * 400);
  EXPECT_NEAR(read().cpu_s(), 100 * 300e-9, 1e-9);
}

TEST_F(Recording, TimeOnTheProcessorInTheTrainerIsThatOfAllItsRanges) {
  clock.price = {20, 5'000};
  start();
  uint64_t cpu_ns = 0;
  for (int r = 0; r < 1'000; ++r) {
    clock.pass(1'000'000);
    recorder->begin_anew(clock.time);
    const uint64_t began = clock.cpu;
    recorder->begin_range(clock.time);
    for (int i = 0; i < 64; ++i) {
      if (recorder->times_samples()) recorder->begin_sample(r * 64 + i);
      recorder->enter(Stage::kRead);
      r % 100 == 57 ? clock.block(2'500'000) : clock.pass(250'000);  // From a disk, which few measured ranges meet.
      recorder->leave();
    }
    recorder->begin_hand_over(64, r * 64);
    recorder->end_range(clock.time);
    cpu_ns += clock.cpu - began;
  }
  const StageReport report = reader.report(0);
  const double cpu_s = 1e-9 * static_cast<double>(cpu_ns);
  EXPECT_NEAR(report.cpu_s(), cpu_s, 0.01 * cpu_s);
  EXPECT_LT(report.cost.seconds(), 0.01 * report.busy_s());
}

TEST_F(Recording, TimesOfAllStagesTogetherAreTheWorkersTime) {
  clock.price = {20, 5'000};
  start();
  const uint64_t began = clock.time;
  for (int r = 0; r < 1'000; ++r) {
    range(r * 8, 8, 0, 500);
    recorder->idle();
    clock.block(10'000);
  }
  recorder->begin_range(clock.time);
  const WorkerStages worker = read();
  double sum = 0;
  for (size_t s = 0; s < kStages; ++s) sum += worker[static_cast<Stage>(s)].wall_s;
  EXPECT_NEAR(sum, worker.busy_s() + worker.wait_s(), 1e-9);
  EXPECT_NEAR(worker.busy_s() + worker.wait_s(), 1e-9 * static_cast<double>(clock.time - began), 1e-5);
}

TEST_F(Recording, TimeWithoutARangeIsWaitingOnlyWhereNothingWasToBeClaimed) {
  start();
  range(0, 1, 0, 1'000);
  clock.pass(300);
  range(1, 1, 0, 1'000);
  EXPECT_EQ(read().wait_ns, 0U);
  EXPECT_DOUBLE_EQ(read()[Stage::kHandOver].wall_s, 300e-9);
  recorder->idle();
  clock.block(50'000);
  range(2, 1, 0, 1'000);
  EXPECT_EQ(read().wait_ns, 50'000U);
  EXPECT_EQ(read()[Stage::kWait].calls, 1U);
  EXPECT_DOUBLE_EQ(read()[Stage::kWait].cpu_s, 0);
}

TEST_F(Recording, AWorkerThatAlwaysWaitsStillMeasuresRanges) {
  clock.price = {20, 5'000};
  start();
  for (int r = 0; r < 500'000; ++r) {
    range(r, 1, 0, 60);
    recorder->idle();
    clock.pass(500);
  }
  EXPECT_GT(reader.report(0).cost.measured_ranges, 2U);
  EXPECT_GT(read().measured[static_cast<size_t>(Stage::kWait)].cpu_ns, 0U);
}

TEST_F(Recording, AScopeInsideAnotherIsChargedAlone) {
  start();
  recorder->begin_range(clock.time);
  recorder->begin_sample(0);
  recorder->enter(Stage::kTransform);
  clock.pass(100);
  for (int strip = 0; strip < 3; ++strip) {
    recorder->enter_again(Stage::kDecode);
    clock.pass(1'000);
    recorder->leave();
    clock.pass(10);
  }
  recorder->leave();
  clock.pass(7);
  recorder->begin_hand_over(1, 0);
  recorder->end_range(clock.time);
  const WorkerStages worker = read();
  EXPECT_EQ(worker.measured[static_cast<size_t>(Stage::kDecode)].ns, 3'000U);
  EXPECT_EQ(worker.measured[static_cast<size_t>(Stage::kTransform)].ns, 130U);
  EXPECT_EQ(worker.measured[static_cast<size_t>(Stage::kGet)].ns, 7U);
  EXPECT_EQ(worker[Stage::kDecode].calls, 0U) << "they go on with a call that was counted";
  EXPECT_EQ(worker[Stage::kTransform].calls, 1U);
}

TEST_F(Recording, ScopesDeeperThanAnybodyNestsThemDoNoHarm) {
  start();
  recorder->begin_range(clock.time);
  for (int i = 0; i < 100; ++i) recorder->enter(i % 2 == 0 ? Stage::kRead : Stage::kDecode);
  clock.pass(1'000);
  for (int i = 0; i < 101; ++i) recorder->leave();
  recorder->begin_hand_over(1, 0);
  recorder->end_range(clock.time);
  EXPECT_EQ(read().busy_ns, 1'000U);
  EXPECT_EQ(read()[Stage::kRead].calls, 50U);
}

TEST_F(Recording, TheSlowestSampleIsKnownByItsIndex) {
  start();
  range(0, 4, 0, 1'000'000);
  range(4, 1, 0, 50'000'000);
  range(5, 4, 0, 1'000'000);
  const SlowestSample slowest = reader.report(0).slowest;
  EXPECT_EQ(slowest.index, 4);
  EXPECT_EQ(slowest.samples, 1U);
  EXPECT_EQ(slowest.ns, 50'000'000U);
}

TEST_F(Recording, ASlowSampleAmongTinyOnesIsFoundWithItsNeighbours) {
  clock.price = {20, 5'000};
  start();
  for (int r = 0; r < 2'000; ++r) range(r * 8, 8, 0, r == 1'777 ? 600'000 : 60);
  const StageReport report = reader.report(0);
  EXPECT_EQ(report.slowest.index, 1'777 * 8);
  EXPECT_EQ(report.slowest.samples, 8U);
  const SampleTimes times = report.sample_times();
  EXPECT_EQ(times.slowest(100, 10 * times.median_ns()).samples, 8U);
  EXPECT_EQ(times.slowest(7, 10 * times.median_ns()).samples, 0U) << "they are known as eight";
}

TEST_F(Recording, AFailedRangeHasTimeAndNoSamples) {
  start();
  recorder->begin_range(clock.time);
  recorder->begin_sample(3);
  clock.pass(1'000);
  recorder->end_range(clock.time);
  EXPECT_EQ(read().busy_ns, 1'000U);
  EXPECT_EQ(read().samples, 0U);
}

TEST_F(Recording, WhoComesInADeadOnesPlaceGoesOnCounting) {
  start();
  range(0, 3, 10, 1'000);
  recorder->begin_range(clock.time);  // It dies in the middle.
  start();
  range(0, 3, 10, 1'000);
  EXPECT_EQ(read().samples, 6U);
  EXPECT_EQ(read()[Stage::kRead].bytes, 60U);
}

TEST_F(Recording, WhatHappenedSinceIsADifference) {
  start();
  range(0, 2, 100'000, 300'000);
  const StageReport before = reader.report(0);
  range(2, 2, 300'000, 100'000);
  const StageReport since = reader.report(0).since(before);
  EXPECT_EQ(since.samples(), 2U);
  EXPECT_DOUBLE_EQ(since[Stage::kRead].wall_s, 600e-6);
  EXPECT_DOUBLE_EQ(since[Stage::kDecode].wall_s, 200e-6);
  EXPECT_DOUBLE_EQ(since[Stage::kDecode].cpu_s, 200e-6);
}

// --- spans ---

TEST_F(Recording, SpansSayWhatWasDoneWhen) {
  start();
  const uint64_t began = clock.time;
  range(7, 1, 100, 300);
  const StageSpans spans = reader.take_spans();
  ASSERT_EQ(spans.spans.size(), 2U);
  EXPECT_EQ(spans.spans[0].stage, Stage::kRead);
  EXPECT_EQ(spans.spans[0].sample, 7);
  EXPECT_EQ(spans.spans[0].start_ns, began);
  EXPECT_EQ(spans.spans[0].end_ns, began + 100);
  EXPECT_EQ(spans.spans[1].stage, Stage::kDecode);
  EXPECT_EQ(spans.spans[1].end_ns, began + 400);
  EXPECT_TRUE(reader.take_spans().spans.empty()) << "they were taken";
}

TEST_F(Recording, StagesThatTakeTurnsInACallHaveOneSpanEach) {
  start();
  const uint64_t began = clock.time;
  recorder->begin_range(clock.time);
  recorder->begin_sample(7);
  recorder->enter(Stage::kTransform);
  for (int strip = 0; strip < 100; ++strip) {
    recorder->enter_again(Stage::kDecode);
    clock.pass(20);
    recorder->leave();
    clock.pass(10);
  }
  recorder->leave();
  recorder->begin_hand_over(1, 7);
  recorder->end_range(clock.time);
  const auto spans = reader.take_spans().spans;
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].stage, Stage::kDecode);
  EXPECT_EQ(spans[0].start_ns, began);
  EXPECT_EQ(spans[0].end_ns, began + 2'000);
  EXPECT_EQ(spans[1].stage, Stage::kTransform);
  EXPECT_EQ(spans[1].end_ns, began + 3'000);
}

TEST_F(Recording, SpansThatNobodyTookAreCounted) {
  start();
  const uint64_t pairs = SpanRing::kSpans;
  for (uint64_t i = 0; i < pairs; ++i) range(static_cast<int64_t>(i), 1, 100, 300);
  const StageSpans spans = reader.take_spans();
  EXPECT_EQ(spans.spans.size() + spans.lost, 2 * pairs);
  EXPECT_GE(spans.spans.size(), SpanRing::kSpans - 1);
  EXPECT_EQ(spans.spans.back().end_ns, clock.time);
}

TEST_F(Recording, ScribbledWordsDoTheReaderNoHarm) {
  start();
  for (const uint64_t word : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 63}) {
    range(0, 1, 100, 300);
    for (auto& line : memory)
      for (size_t at = 0; at < sizeof line; at += sizeof word) std::memcpy(line.bytes + at, &word, sizeof word);
    const StageReport report = reader.report(clock.time);
    EXPECT_LE(reader.take_spans().spans.size(), SpanRing::kSpans);
    EXPECT_GE(report.since(StageReport()).busy_s(), 0);
    EXPECT_GE(report.sample_times().median_ns(), 0);
    static_cast<void>(report.cpu_s());
  }
}

}  // namespace
}  // namespace millrace::stage_recorder_test
