#include "millrace/loader/engine/ledger.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace millrace {
namespace {

constexpr SlotState kAllStates[] = {SlotState::kFree, SlotState::kOpen, SlotState::kLent, SlotState::kDraining,
                                    SlotState::kSettling};

std::optional<size_t> open(Ledger& ledger, uint64_t sequence) {
  std::vector<int64_t> indices = {1, 2, 3};
  return ledger.open(sequence, 0, 2, indices);
}

TEST(Ledger, GivesTheSlotThatWasReleasedLast) {
  Ledger ledger(3);
  const size_t a = *open(ledger, 0);
  const size_t b = *open(ledger, 1);
  ledger.lend(a, {});
  ledger.lend(b, {});
  ledger.release(b);
  ledger.release(a);
  EXPECT_EQ(*open(ledger, 2), a);
  EXPECT_EQ(*open(ledger, 3), b);
}

TEST(Ledger, HasNothingToGiveWhenAllSlotsAreTaken) {
  Ledger ledger(2);
  EXPECT_TRUE(open(ledger, 0).has_value());
  EXPECT_TRUE(open(ledger, 1).has_value());
  EXPECT_FALSE(open(ledger, 2).has_value());
}

TEST(Ledger, ChangesTheGenerationAtEveryRelease) {
  Ledger ledger(1);
  for (uint32_t i = 0; i < 5; ++i) {
    const size_t slot = *open(ledger, i);
    EXPECT_EQ(ledger[slot].generation, i);
    ledger.lend(slot, {});
    ledger.release(slot);
  }
}

TEST(Ledger, RefusesStepsThatMakeNoSense) {
  Ledger ledger(1);
  EXPECT_THROW(ledger.lend(0, {}), std::logic_error);
  EXPECT_THROW(ledger.cancel(0), std::logic_error);
  EXPECT_THROW(ledger.release(0), std::logic_error);
  const size_t slot = *open(ledger, 0);
  EXPECT_THROW(ledger.settle(slot), std::logic_error);
  ledger.lend(slot, {});
  EXPECT_THROW(ledger.cancel(slot), std::logic_error);
  ledger.settle(slot);
  EXPECT_THROW(ledger.settle(slot), std::logic_error);
  EXPECT_THROW(ledger.lend(slot, {}), std::logic_error);
}

TEST(Ledger, GivesNoSlotThatSettles) {
  Ledger ledger(2);
  const size_t lent = *open(ledger, 0);
  const size_t cancelled = *open(ledger, 1);
  ledger.lend(lent, {});
  ledger.cancel(cancelled);
  ledger.settle(lent);
  ledger.settle(cancelled);
  EXPECT_FALSE(open(ledger, 2).has_value());
  ledger.release(cancelled);
  EXPECT_EQ(open(ledger, 2), cancelled);
}

TEST(Ledger, CountsDeathsByRangeAndForgetsThemWithTheBatch) {
  Ledger ledger(1);
  const size_t slot = *open(ledger, 0);
  EXPECT_EQ(ledger.count_death(slot, 1), 1);
  EXPECT_EQ(ledger.count_death(slot, 1), 2);
  EXPECT_EQ(ledger.count_death(slot, 0), 1);
  ledger.release(slot);
  open(ledger, 1);
  EXPECT_EQ(ledger.count_death(slot, 1), 1);
}

TEST(Ledger, CountsEverySlotInOneStateThroughRandomLives) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  Ledger ledger(6);
  uint64_t sequence = 0;
  for (int step = 0; step < 20'000; ++step) {
    const size_t slot = random() % ledger.size();
    switch (random() % 4) {
      case 0:
        open(ledger, sequence++);
        break;
      case 1:
        if (ledger[slot].state == SlotState::kOpen) ledger.lend(slot, {});
        break;
      case 2:
        if (ledger[slot].state == SlotState::kOpen) ledger.cancel(slot);
        break;
      default:
        if (ledger[slot].state != SlotState::kFree) ledger.release(slot);
    }
    size_t total = 0;
    for (const auto state : kAllStates) total += ledger.count(state);
    ASSERT_EQ(total, ledger.size());
    for (size_t i = 0; i < ledger.size(); ++i)
      if (ledger[i].state == SlotState::kOpen) {
        ASSERT_EQ(ledger.find_open(ledger[i].sequence), i);
      }
  }
}

}  // namespace
}  // namespace millrace
