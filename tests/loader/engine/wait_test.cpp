#include "millrace/loader/engine/wait.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::wait_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct WaitTest : testing::Test {
  engine_fakes::FakeEvents events;
  double seconds_waited = 1;
};

TEST_F(WaitTest, EndsAtItsDeadline) {
  const Wait tested(events, milliseconds(250), std::nullopt, seconds_waited);
  EXPECT_EQ(tested.left(milliseconds(100)), milliseconds(100));
  events.time += milliseconds(249);
  EXPECT_FALSE(tested.has_ended());
  EXPECT_EQ(tested.left(milliseconds(100)), milliseconds(1));
  events.time += milliseconds(1);
  EXPECT_TRUE(tested.has_ended());
  events.time += milliseconds(1);
  EXPECT_EQ(tested.left(milliseconds(100)), milliseconds(0));
}

TEST_F(WaitTest, WithoutALimitNeverEnds) {
  const Wait tested(events, std::nullopt, std::nullopt, seconds_waited);
  events.time += std::chrono::hours(24 * 365 * 100);
  EXPECT_FALSE(tested.has_ended());
  EXPECT_EQ(tested.left(milliseconds(100)), milliseconds(100));
}

TEST_F(WaitTest, LooksAgainTenTimesASecond) {
  Wait tested(events, std::nullopt, std::nullopt, seconds_waited);
  EXPECT_FALSE(tested.looks_again(tested.start() + milliseconds(99)));
  EXPECT_TRUE(tested.looks_again(tested.start() + milliseconds(130)));
  EXPECT_FALSE(tested.looks_again(tested.start() + milliseconds(229)));
  EXPECT_TRUE(tested.looks_again(tested.start() + milliseconds(230)));
}

TEST_F(WaitTest, IsToldOfWhenItIsLongAndWheneverItIsTwiceAsLong) {
  Wait tested(events, std::nullopt, seconds(10), seconds_waited);
  EXPECT_FALSE(tested.is_long(tested.start() + milliseconds(9999)));
  EXPECT_TRUE(tested.is_long(tested.start() + seconds(10)));
  EXPECT_FALSE(tested.is_long(tested.start() + seconds(19)));
  EXPECT_TRUE(tested.is_long(tested.start() + seconds(20)));
}

TEST_F(WaitTest, AddsItsTimeHoweverItEnds) {
  try {
    const Wait tested(events, std::nullopt, std::nullopt, seconds_waited);
    events.time += seconds(3);
    throw std::runtime_error("a worker died");
  } catch (const std::runtime_error&) {
  }
  EXPECT_DOUBLE_EQ(seconds_waited, 4);
}

}  // namespace
}  // namespace millrace::wait_test
