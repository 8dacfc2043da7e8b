#include "millrace/loader/engine/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::completion_test {
namespace {

using engine_fakes::ScriptedOrder;
using testing::ElementsAre;
using Turn = Completion::Turn;

// Three batches of two ranges, numbered as their slots, and all of one stream where that matters.
struct CompletionTest : testing::Test, engine_fakes::Bench {
  Completion of(Turn turn) const { return {turn, in_flight, board, cursor}; }

  // The slot of the next batch.
  size_t open_next() {
    BatchPlan plan;
    std::vector<int64_t> indices;
    const uint64_t sequence = cursor.plan_next(plan, indices).value();
    plan.stream.stream = 0;
    const size_t slot = in_flight.open(sequence, plan, 2, indices);
    board.open(slot, in_flight[slot].generation, {.sequence = sequence, .samples = 4});
    return slot;
  }

  void open_all() {
    for (int i = 0; i < 3; ++i) open_next();
  }

  void set(size_t slot, size_t range, RangeState state) {
    board.set(slot, range, {in_flight[slot].generation, state, 1});
  }

  void complete(size_t slot) {
    for (size_t range = 0; range < 2; ++range) set(slot, range, RangeState::kDone);
  }

  Cursor cursor{std::make_unique<ScriptedOrder>(
                    std::vector<ScriptedOrder::Batch>{{{0, 1, 2, 3}}, {{4, 5, 6, 7}}, {{8, 9, 10, 11}}}),
                Cursor::Reach::kEpoch};
};

TEST_F(CompletionTest, ABatchIsCompleteWhenNoRangeIsOpenOrClaimed) {
  const size_t slot = open_next();
  const Completion tested = of(Turn::kInOrder);
  EXPECT_FALSE(tested.is_complete(slot));
  set(slot, 0, RangeState::kDone);
  set(slot, 1, RangeState::kClaimed);
  EXPECT_FALSE(tested.is_complete(slot));
  set(slot, 1, RangeState::kFailed);
  EXPECT_TRUE(tested.is_complete(slot));
  EXPECT_FALSE(tested.is_sound(slot));
  set(slot, 1, RangeState::kDone);
  EXPECT_TRUE(tested.is_sound(slot));
}

TEST_F(CompletionTest, ABatchThatCouldNotBeOpenedIsCompleteAndNotSound) {
  const size_t slot = open_next();
  in_flight.set_error(slot, std::make_exception_ptr(std::out_of_range("no such index")));
  EXPECT_TRUE(of(Turn::kInOrder).is_complete(slot));
  EXPECT_FALSE(of(Turn::kInOrder).is_sound(slot));
}

TEST_F(CompletionTest, AWordOfAnEarlierUseOfTheSlotIsNotSound) {
  const size_t slot = open_next();
  complete(slot);
  board.set(slot, 1, {in_flight[slot].generation + 1, RangeState::kDone, 1});
  EXPECT_FALSE(of(Turn::kInOrder).is_sound(slot));
}

TEST_F(CompletionTest, InOrderOnlyTheFirstWillDo) {
  open_all();
  const Completion tested = of(Turn::kInOrder);
  complete(1);
  EXPECT_EQ(tested.find(), std::nullopt);
  EXPECT_EQ(tested.awaited(), 0U);
  complete(0);
  EXPECT_EQ(tested.find(), 0U);
}

TEST_F(CompletionTest, AsCompletedTheOldestThatIsComplete) {
  open_all();
  const Completion tested = of(Turn::kAsCompleted);
  EXPECT_EQ(tested.awaited(), std::nullopt) << "any will do";
  complete(2);
  EXPECT_EQ(tested.find(), 2U);
  complete(1);
  EXPECT_EQ(tested.find(), 1U);
}

TEST_F(CompletionTest, OfOneStreamBatchesComeInOrder) {
  open_all();
  complete(1);
  EXPECT_EQ(of(Turn::kInOrderOfEachStream).find(), std::nullopt);
  complete(0);
  EXPECT_EQ(of(Turn::kInOrderOfEachStream).find(), 0U);
}

TEST_F(CompletionTest, WhatComesNextIsKnownInOrderAndAsCompletedOfWhatIsComplete) {
  open_all();
  complete(2);
  EXPECT_THAT(of(Turn::kInOrder).coming(2), ElementsAre(0, 1));
  EXPECT_THAT(of(Turn::kAsCompleted).coming(2), ElementsAre(2));
}

TEST_F(CompletionTest, AnEpochIsOverWhenAllIsPlannedAndNothingOpen) {
  const Completion tested = of(Turn::kInOrder);
  open_all();
  for (size_t slot = 0; slot < 2; ++slot) in_flight.release(slot);
  EXPECT_FALSE(tested.epoch_is_over());
  in_flight.release(2);
  EXPECT_FALSE(tested.epoch_is_over()) << "there may be more to plan";
  BatchPlan plan;
  std::vector<int64_t> indices;
  EXPECT_EQ(cursor.plan_next(plan, indices), std::nullopt);
  EXPECT_TRUE(tested.epoch_is_over());
}

TEST(Turn, FollowsFromTheOptionsAndTheDataset) {
  const DataLoaderOptions any = DataLoaderOptions(4).in_order(false);
  EXPECT_EQ(turn_of(Source::Kind::kStreams, DataLoaderOptions(4)), Turn::kInOrder);
  EXPECT_EQ(turn_of(Source::Kind::kRows, any), Turn::kAsCompleted);
  EXPECT_EQ(turn_of(Source::Kind::kPacked, any), Turn::kAsCompleted);
  EXPECT_EQ(turn_of(Source::Kind::kStreams, any), Turn::kInOrderOfEachStream);
}

}  // namespace
}  // namespace millrace::completion_test
