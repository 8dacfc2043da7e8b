#include "millrace/loader/engine/board.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/sharing/memory/segment.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BoardTest : public ::testing::Test {
 protected:
  static constexpr Board::Geometry kGeometry{3, 4, 5, 2};

  SharedSegment segment_ = SharedSegment::create("board", Board::bytes(kGeometry), "nothing");
  MappedSegment memory_{segment_, Access::kReadWrite};
  TrainerBoard board_{memory_.data(), kGeometry};
  WorkerBoard worker_{memory_.data(), kGeometry};
};

TEST(RangeWord, SurvivesPacking) {
  for (const auto state :
       {RangeState::kClosed, RangeState::kOpen, RangeState::kClaimed, RangeState::kDone, RangeState::kFailed}) {
    const auto word = RangeWord::unpack(RangeWord{0xfedcba98, state, RangeWord::kMaxIncarnation}.pack());
    EXPECT_EQ(word.generation, 0xfedcba98);
    EXPECT_EQ(word.state, state);
    EXPECT_EQ(word.incarnation, RangeWord::kMaxIncarnation);
  }
}

TEST_F(BoardTest, HasNothingToClaimWhenNew) { EXPECT_FALSE(worker_.claim(1, 0).has_value()); }

TEST_F(BoardTest, GivesEveryRangeOnceAndTheOldestBatchFirst) {
  board_.open(2, 0, {11, 20});
  board_.open(0, 0, {10, 20});
  for (const size_t slot : {0U, 2U}) {
    for (size_t range = 0; range < 4; ++range) {
      const auto claim = worker_.claim(1, 0);
      ASSERT_TRUE(claim.has_value());
      EXPECT_EQ(claim->slot, slot);
      EXPECT_EQ(claim->range, range);
      EXPECT_EQ(claim->first, range * 5);
      EXPECT_EQ(claim->last, range * 5 + 5);
    }
  }
  EXPECT_FALSE(worker_.claim(1, 0).has_value());
}

TEST_F(BoardTest, OpensOnlyTheRangesOfAShortBatch) {
  board_.open(1, 0, {0, 7});
  EXPECT_EQ(worker_.claim(1, 0)->last, 5U);
  EXPECT_EQ(worker_.claim(1, 0)->last, 7U);
  EXPECT_FALSE(worker_.claim(1, 0).has_value());
}

TEST_F(BoardTest, RingsOnlyForTheBatchThatTheTrainerWaitsFor) {
  board_.open(0, 0, {5, 5});
  board_.open(1, 0, {6, 10});
  const auto first = *worker_.claim(1, 0);
  const auto second = *worker_.claim(1, 0);
  const auto third = *worker_.claim(2, 0);
  EXPECT_FALSE(worker_.finish(first, 1));  // Nobody waits.
  board_.start_waiting(6);
  EXPECT_FALSE(worker_.finish(second, 1));  // Half of the batch.
  EXPECT_TRUE(worker_.finish(third, 2));
  board_.stop_waiting();
}

TEST_F(BoardTest, KeepsWhoClaimedAndWhoFinished) {
  board_.open(0, 3, {0, 10});
  const auto claim = *worker_.claim(9, 0);
  EXPECT_EQ(board_.range(0, 0).state, RangeState::kClaimed);
  EXPECT_EQ(board_.range(0, 0).incarnation, 9U);
  EXPECT_TRUE(board_.range(0, 1).pending());
  static_cast<void>(worker_.finish(claim, 9));
  EXPECT_EQ(board_.range(0, 0).state, RangeState::kDone);
  EXPECT_EQ(board_.range(0, 0).generation, 3U);
}

TEST_F(BoardTest, CarriesAnErrorAndEndsItsTexts) {
  board_.open(0, 0, {0, 5});
  const auto claim = *worker_.claim(1, 0);
  RangeError error;
  error.sample = 4;
  error.type.fill('t');
  error.path.fill('p');
  error.message.fill('m');
  static_cast<void>(worker_.fail(claim, 1, error));
  EXPECT_EQ(board_.range(0, 0).state, RangeState::kFailed);
  const auto copy = board_.error(0, 0);
  EXPECT_EQ(copy.sample, 4U);
  EXPECT_EQ(std::string(copy.message.data()).size(), copy.message.size() - 1);
}

TEST_F(BoardTest, ReopensARangeForAnother) {
  board_.open(0, 0, {0, 5});
  worker_.claim(1, 0);
  EXPECT_FALSE(worker_.claim(2, 0).has_value());
  board_.reopen(0, 0, 0);
  EXPECT_TRUE(worker_.claim(2, 0).has_value());
}

TEST_F(BoardTest, ClosesWhatNobodyHasClaimedAndOnlyThat) {
  board_.open(0, 0, {0, 20});
  const auto claim = *worker_.claim(1, 0);
  board_.close_unclaimed(0, 0);
  EXPECT_FALSE(worker_.claim(2, 0).has_value());
  EXPECT_EQ(board_.range(0, 0).state, RangeState::kClaimed);
  board_.start_waiting(std::nullopt);
  EXPECT_TRUE(worker_.finish(claim, 1));  // Nothing of the slot is pending any more, so a waiting trainer hears of it.
  EXPECT_FALSE(board_.range(0, 1).pending());
}

TEST_F(BoardTest, KeepsABatchForTheWorkerItIsMeantFor) {
  board_.open(0, 0, {.sequence = 0, .samples = 5, .worker = 1, .base_seed = 77});
  board_.open(1, 0, {.sequence = 1, .samples = 5});
  EXPECT_EQ(worker_.claim(1, 0)->slot, 1U);
  EXPECT_FALSE(worker_.claim(1, 0).has_value());
  const auto claim = *worker_.claim(2, 1);
  EXPECT_EQ(claim.slot, 0U);
  EXPECT_EQ(claim.base_seed, 77U);
}

TEST_F(BoardTest, WakesASleeperWhenSomethingIsOpened) {
  std::thread worker([&] {
    while (!worker_.claim(1, 0)) worker_.wait_for_work(0, seconds(60));
  });
  while (board_.beacon(0).sleeping.load() == 0) std::this_thread::yield();
  board_.open(0, 0, {0, 5});
  worker.join();
}

TEST_F(BoardTest, WakesAllSleepersToStop) {
  std::vector<std::thread> workers;
  for (size_t w = 0; w < 2; ++w)
    workers.emplace_back([&, w] {
      while (!board_.stopping()) worker_.wait_for_work(static_cast<uint32_t>(w), seconds(60));
    });
  board_.stop();
  for (auto& worker : workers) worker.join();
}

// Two workers fill slots with their sequence; the trainer waits for each batch in turn, sleeping on a flag that workers
// raise when finish() tells them to. A lost wake-up would hang, a missing release or acquire show as a torn row (and to
// the thread sanitizer as a race).
TEST_F(BoardTest, LosesNoBatchAndNoWakeUpUnderContention) {
  constexpr uint64_t kBatches = 20'000;
  std::vector<std::vector<uint64_t>> rows(3, std::vector<uint64_t>(20));
  std::atomic<uint32_t> bell{0};
  std::vector<std::thread> workers;
  for (uint32_t w = 0; w < 2; ++w)
    workers.emplace_back([&, w] {
      while (!board_.stopping()) {
        const auto claim = worker_.claim(w + 1, w);
        if (!claim) {
          worker_.wait_for_work(static_cast<uint32_t>(w), seconds(60));
          continue;
        }
        for (uint32_t s = claim->first; s < claim->last; ++s) rows[claim->slot][s] = claim->generation;
        if (worker_.finish(*claim, w + 1)) {
          bell.fetch_add(1);
          bell.notify_one();
        }
      }
    });
  const auto complete = [&](size_t slot) {
    for (size_t r = 0; r < 4; ++r)
      if (board_.range(slot, r).pending()) return false;
    return true;
  };
  for (uint64_t opened = 0, delivered = 0; delivered < kBatches; ++delivered) {
    for (; opened < kBatches && opened < delivered + 3; ++opened)
      board_.open(opened % 3, static_cast<uint32_t>(opened / 3), {opened, 20});
    const size_t slot = delivered % 3;
    while (!complete(slot)) {
      const uint32_t before = bell.load();
      board_.start_waiting(delivered);
      if (!complete(slot)) bell.wait(before);
      board_.stop_waiting();
    }
    for (const uint64_t value : rows[slot]) ASSERT_EQ(value, delivered / 3);
  }
  board_.stop();
  for (auto& worker : workers) worker.join();
}

}  // namespace
}  // namespace millrace
