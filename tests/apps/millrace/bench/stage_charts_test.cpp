#include "millrace/apps/millrace/bench/stage_charts.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::stage_charts_test {
namespace {

using plots::BandChart;

// A worker that decoded for three parts of its time and waited for one.
WorkerStages worker(int number) {
  WorkerStages worker;
  worker.worker = number;
  worker.busy_ns = 3'000;
  worker.wait_ns = 1'000;
  worker.measured[static_cast<size_t>(Stage::kDecode)].ns = 10;
  return worker;
}

TEST(StagesChart, HasABarForEachWorkerAndOneForAll) {
  StageReport stages;
  stages.workers = {worker(0), worker(1)};
  const BandChart chart = apps::stages_chart(stages, 2);
  ASSERT_EQ(chart.rows.size(), 3u);
  EXPECT_EQ(chart.rows[0].name, "all");
  EXPECT_EQ(chart.rows[2].name, "worker 1");
  for (const auto& row : chart.rows) {
    const auto& decode = row.bands.at(static_cast<size_t>(Stage::kDecode));
    EXPECT_NEAR(decode.end - decode.begin, 75, 1e-9);
    EXPECT_NEAR(row.bands.back().end, 100, 1e-9) << "all of the time";
    EXPECT_EQ(chart.kinds.at(row.bands.back().kind), "wait");
  }
}

TEST(StagesChart, WithoutWorkersIsTheTrainers) {
  StageReport stages;
  stages.workers = {worker(0)};
  const BandChart chart = apps::stages_chart(stages, 0);
  ASSERT_EQ(chart.rows.size(), 1u);
  EXPECT_EQ(chart.rows[0].name, "trainer");
}

TEST(TimeLine, IsOfTheLastSecond) {
  constexpr uint64_t kMs = 1'000'000;
  const StageSpans spans{{{0, Stage::kRead, 0, 0, 10 * kMs},
                          {0, Stage::kDecode, 0, 900 * kMs, 1'500 * kMs},
                          {1, Stage::kWait, -1, 1'500 * kMs, 2'000 * kMs}},
                         0};
  const BandChart chart = apps::time_line_chart(spans, 3);
  ASSERT_EQ(chart.rows.size(), 3u) << "one for the worker that did nothing, too";
  EXPECT_DOUBLE_EQ(chart.x_end, 1000);
  ASSERT_EQ(chart.rows[0].bands.size(), 1u) << "what was read before is not shown";
  EXPECT_EQ(chart.rows[0].bands[0].kind, static_cast<size_t>(Stage::kDecode));
  EXPECT_DOUBLE_EQ(chart.rows[0].bands[0].end, 500);
  EXPECT_DOUBLE_EQ(chart.rows[1].bands.at(0).begin, 500);
}

TEST(TimeLine, OfManyShortSpansIsSoShortThatTheyCanBeToldApart) {
  StageSpans spans;
  for (uint64_t i = 0; i < 8'000; ++i) spans.spans.push_back({0, Stage::kGet, -1, 1'000 * i, 1'000 * i + 900});
  const BandChart chart = apps::time_line_chart(spans, 1);
  EXPECT_EQ(chart.rows.at(0).bands.size(), 240u);
  EXPECT_NEAR(chart.x_end, 0.24, 0.001);
}

TEST(TimeLine, OfNothingHasNoBand) {
  const BandChart chart = apps::time_line_chart({}, 0);
  EXPECT_EQ(chart.rows.at(0).name, "trainer");
  EXPECT_TRUE(chart.rows.at(0).bands.empty());
  EXPECT_GT(chart.x_end, 0);
}

}  // namespace
}  // namespace millrace::stage_charts_test
