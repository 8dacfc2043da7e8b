#include "millrace/loader/engine/in_flight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace millrace::in_flight_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

size_t open(InFlight& flight, uint64_t sequence, std::vector<int64_t> indices = {1, 2, 3}, int64_t stream = 0) {
  BatchPlan plan;
  plan.stream.stream = stream;
  return flight.open(sequence, plan, 2, indices);
}

GivenUp given_up(int64_t sample) { return {WorkerDied("died", 1, ExitStatus(9), "reading"), sample}; }

TEST(InFlight, ListsOpenSlotsInTheOrderOfTheirBatches) {
  InFlight flight(4);
  const size_t first = open(flight, 10);
  const size_t second = open(flight, 11);
  flight.lend(first, {});
  flight.release(first);
  const size_t third = open(flight, 12);  // The slot that came home last.
  EXPECT_EQ(third, first);
  EXPECT_THAT(flight.open_in_order(), ElementsAre(second, third));
}

TEST(InFlight, ASampleThatWasReplacedWasTriedAndItsRangeBeginsAnew) {
  InFlight flight(1);
  const size_t slot = open(flight, 0);
  flight.count_death(slot, 1);
  flight.give_up(slot, 1, given_up(3));
  flight.put_instead(slot, 1, 2, 1);
  EXPECT_THAT(flight[slot].indices, ElementsAre(1, 2, 1));
  EXPECT_THAT(flight.tried(slot, 2), ElementsAre(3));
  EXPECT_EQ(flight.given_up(slot, 1), nullptr);
  EXPECT_EQ(flight.count_death(slot, 1), 1);
}

// A map from sequences to what was tried, trimmed when a later batch was given, forgot it: the replacement could then
// be the sample that had failed before.
TEST(InFlight, WhatWasTriedIsKnownWhileALaterBatchGoesFirst) {
  InFlight flight(2);
  const size_t early = open(flight, 0);
  const size_t late = open(flight, 1);
  flight.put_instead(early, 0, 0, 2);
  flight.lend(late, {});
  flight.release(late);
  EXPECT_THAT(flight.tried(early, 0), ElementsAre(1));
}

TEST(InFlight, ANewBatchInASlotKnowsNothingOfTheOneBefore) {
  InFlight flight(1);
  const size_t slot = open(flight, 0);
  flight.put_instead(slot, 0, 0, 2);
  flight.give_up(slot, 1, given_up(3));
  flight.count_death(slot, 1);
  flight.set_error(slot, std::make_exception_ptr(std::runtime_error("")));
  flight.lend(slot, {});
  flight.release(slot);
  ASSERT_EQ(open(flight, 1), slot);
  EXPECT_THAT(flight.tried(slot, 0), IsEmpty());
  EXPECT_EQ(flight.given_up(slot, 1), nullptr);
  EXPECT_EQ(flight.count_death(slot, 1), 1);
  EXPECT_EQ(flight.plan(slot).error, nullptr);
}

TEST(InFlight, AMessageIsForOneUseOfASlot) {
  InFlight flight(1);
  const size_t slot = open(flight, 0);
  const uint32_t generation = flight[slot].generation;
  flight.keep_message(slot, generation + 1, {});
  EXPECT_FALSE(flight.take_message(slot).has_value()) << "of another generation";
  flight.keep_message(slot, generation, {});
  EXPECT_TRUE(flight.take_message(slot).has_value());
  EXPECT_FALSE(flight.take_message(slot).has_value()) << "once";
  flight.keep_message(17, generation, {});  // No such slot: a hostile worker's.
}

TEST(InFlight, AMessageForACancelledBatchIsNotKept) {
  InFlight flight(1);
  const size_t slot = open(flight, 0);
  const uint32_t generation = flight[slot].generation;
  flight.keep_message(slot, generation, {});
  flight.cancel(slot);
  EXPECT_FALSE(flight.take_message(slot).has_value()) << "that came before";
  flight.keep_message(slot, generation, {});
  EXPECT_FALSE(flight.take_message(slot).has_value()) << "nor one that comes late";
}

TEST(InFlight, BatchesOfOneStreamHaveAnOrder) {
  InFlight flight(3);
  const size_t first = open(flight, 0, {}, 5);
  const size_t other = open(flight, 1, {}, 6);
  const size_t second = open(flight, 2, {}, 5);
  EXPECT_TRUE(flight.is_first_of_its_stream(first));
  EXPECT_TRUE(flight.is_first_of_its_stream(other));
  EXPECT_FALSE(flight.is_first_of_its_stream(second));
  flight.lend(first, {});
  EXPECT_TRUE(flight.is_first_of_its_stream(second));
}

}  // namespace
}  // namespace millrace::in_flight_test
