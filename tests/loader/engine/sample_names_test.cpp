#include "millrace/loader/engine/sample_names.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::sample_names_test {
namespace {

// A dataset of 20 samples, one of which has a name that would break a line.
struct SampleNamesTest : testing::Test, engine_fakes::Bench {
  engine_fakes::FakeSource rows{Source::Kind::kRows, 20};
  SampleNames names{rows, in_flight};
};

TEST_F(SampleNamesTest, AreWhatTheDatasetSaysOnOneLine) {
  rows.name = "cats/5\n.jpg";
  EXPECT_EQ(names.path_of(5), " (cats/5\\n.jpg)");
  EXPECT_EQ(names.in_slot(open(), 5), "sample 5 (cats/5\\n.jpg)");
}

TEST_F(SampleNamesTest, AreNumbersWhereTheDatasetHasNone) {
  EXPECT_EQ(names.path_of(5), "");
  EXPECT_EQ(names.in_slot(open(), 5), "sample 5");
}

TEST_F(SampleNamesTest, AskTheDatasetForNoSampleThatItHasNot) {
  rows.name = "cats";
  for (const int64_t sample : {int64_t{-1}, int64_t{20}, std::numeric_limits<int64_t>::min()})
    EXPECT_EQ(names.path_of(sample), "") << sample;
}

TEST_F(SampleNamesTest, OfAStreamNameTheStream) {
  engine_fakes::FakeSource source{Source::Kind::kStreams, 0};
  BatchPlan plan;
  plan.stream.stream = 3;
  std::vector<int64_t> none;
  const size_t slot = in_flight.open(0, plan, 1, none);
  EXPECT_EQ(SampleNames(source, in_flight).in_slot(slot, 7), "sample 7 of stream 3");
}

}  // namespace
}  // namespace millrace::sample_names_test
