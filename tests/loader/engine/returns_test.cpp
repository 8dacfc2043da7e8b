#include "millrace/loader/engine/returns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "millrace/loader/errors.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::returns_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr Returns::Time kNow{std::chrono::hours(1)};

// Where no device reads.
struct ReturnsTest : testing::Test, engine_fakes::Bench {
  std::shared_ptr<Lease> lend(Returns::Time since) {
    const size_t slot = open();
    in_flight.lend(slot, since);
    return slots.lend(slot);
  }

  // Of a wait that began then.
  std::string complaint(Returns::Time since) {
    try {
      tested.require_one(since, kNow);
    } catch (const TooManyBatchesHeld& e) {
      return e.what();
    }
    return "none";
  }

  SlotMemory slots{SlotLayout(4, std::array{size_t{256}}), kGeometry.slots, nullptr};
  Cursor cursor{std::make_unique<engine_fakes::ScriptedOrder>(std::vector<engine_fakes::ScriptedOrder::Batch>{}),
                Cursor::Reach::kEpoch};
  Completion completion{Completion::Turn::kInOrder, in_flight, board, cursor};
  Returns tested{5, slots, in_flight, completion};
};

TEST_F(ReturnsTest, ASlotIsFreeWhenItsLastLeaseIsGone) {
  auto lease = lend(kNow);
  tested.take_in();
  EXPECT_EQ(in_flight[0].state, SlotState::kLent);
  lease.reset();
  EXPECT_EQ(in_flight[0].state, SlotState::kLent) << "until somebody looks";
  tested.take_in();
  EXPECT_EQ(in_flight[0].state, SlotState::kFree);
}

TEST_F(ReturnsTest, ASlotThatWasLeftIsFreeWhenNoWorkerWritesToIt) {
  const size_t slot = open();
  const auto claim = worker.claim(1, 0).value();
  board.close_unclaimed(slot, in_flight[slot].generation);
  in_flight.cancel(slot);
  tested.take_in();
  EXPECT_EQ(in_flight[slot].state, SlotState::kDraining);
  static_cast<void>(worker.finish(claim, 1));
  tested.take_in();
  EXPECT_EQ(in_flight[slot].state, SlotState::kFree);
}

TEST_F(ReturnsTest, SaysAfterTwoSecondsThatTheUserHoldsAllAndSinceWhen) {
  const auto first = lend(kNow - seconds(9));
  const auto second = lend(kNow - seconds(12));
  const auto third = lend(kNow - seconds(1));
  EXPECT_EQ(complaint(kNow - milliseconds(1999)), "none");
  EXPECT_THAT(complaint(kNow - seconds(2)),
              HasSubstr("all 3 slots of the loader hold batches that you keep, the oldest for 12.0 s"));
  EXPECT_THAT(complaint(kNow - seconds(2)), HasSubstr("(now 5)"));
}

TEST_F(ReturnsTest, AreNotMissedWhileASlotIsFreeOrWillBe) {
  const auto first = lend(kNow);
  const auto second = lend(kNow);
  EXPECT_EQ(complaint(kNow - seconds(9)), "none") << "one is free";
  in_flight.cancel(open());
  EXPECT_EQ(complaint(kNow - seconds(9)), "none") << "one is left to a worker";
}

}  // namespace
}  // namespace millrace::returns_test
