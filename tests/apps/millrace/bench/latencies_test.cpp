#include "millrace/apps/millrace/bench/latencies.h"

#include <gtest/gtest.h>

namespace millrace::latencies_test {
namespace {

using apps::Latencies;

TEST(Latencies, KnowNothingBeforeTheFirst) {
  const Latencies none;
  EXPECT_EQ(none.count(), 0U);
  EXPECT_EQ(none.quantile(0.5), 0);
  EXPECT_EQ(none.longest(), 0);
  EXPECT_TRUE(none.buckets().empty());
}

TEST(Latencies, AreWithinAPartInThirtyTwo) {
  for (double seconds = 1e-9; seconds < 80'000; seconds *= 1.07) {
    Latencies latencies;
    latencies.add(seconds / 3);
    latencies.add(seconds);
    latencies.add(seconds * 3);
    EXPECT_NEAR(latencies.quantile(0.5), seconds, seconds / 32 + 0.5e-9) << seconds;
  }
}

TEST(Latencies, GiveQuantilesByNearestRank) {
  Latencies latencies;
  for (int ns = 60; ns >= 1; --ns) latencies.add(1e-9 * ns);
  EXPECT_NEAR(latencies.quantile(0), 1e-9, 1e-12);
  EXPECT_NEAR(latencies.quantile(0.5), 30e-9, 1e-12);
  EXPECT_NEAR(latencies.quantile(0.9), 54e-9, 1e-12);
  EXPECT_NEAR(latencies.quantile(1), 60e-9, 1e-12);
}

TEST(Latencies, KeepTheLongestAsItIs) {
  Latencies latencies;
  for (int i = 0; i < 999; ++i) latencies.add(1e-6);
  latencies.add(0.123456789);
  EXPECT_NEAR(latencies.longest(), 0.123456789, 1e-12);
  EXPECT_NEAR(latencies.quantile(0.999), 1e-6, 1e-9);
  EXPECT_NEAR(latencies.quantile(0.9991), 0.123456789, 1e-12);
}

TEST(Latencies, BearWhatNoClockSays) {
  Latencies latencies;
  latencies.add(-1);
  latencies.add(1e300);
  EXPECT_EQ(latencies.count(), 2U);
  EXPECT_EQ(latencies.quantile(0.5), 0);
  EXPECT_NEAR(latencies.longest(), 86'400, 1e-6);
}

TEST(Latencies, AreInRisingBuckets) {
  Latencies latencies;
  for (const double seconds : {0.5, 1e-6, 1e-6, 0.001}) latencies.add(seconds);
  const auto buckets = latencies.buckets();
  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].count, 2U);
  EXPECT_LT(buckets[0].seconds, buckets[1].seconds);
  EXPECT_LT(buckets[1].seconds, buckets[2].seconds);
}

}  // namespace
}  // namespace millrace::latencies_test
