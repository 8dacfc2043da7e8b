#include "millrace/sharing/pool/call_board.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CallBoardTest : public testing::Test {
 protected:
  CallBoardSeat sit(uint32_t seat, uint16_t worker) const {
    return {OwnedFd(MILLRACE_SYSCALL(::fcntl(board.fd(), F_DUPFD_CLOEXEC, 0))), seat, worker};
  }

  CallBoard board{2};
};

TEST_F(CallBoardTest, GivesOutCallsInTheOrderOfTheirPosting) {
  auto worker = sit(0, 1);
  EXPECT_FALSE(worker.try_take());
  for (const uint32_t slot : {7, 3, 5}) board.post(slot);
  for (const uint32_t slot : {7, 3, 5}) EXPECT_EQ(worker.try_take()->slot, slot);
  EXPECT_FALSE(worker.try_take());
}

TEST_F(CallBoardTest, GivesEachCallToOneWorker) {
  constexpr uint32_t kWorkers = 4;
  constexpr uint32_t kRounds = 200;
  CallBoard wide(kWorkers);
  for (uint32_t round = 0; round < kRounds; ++round) {
    for (uint32_t slot = 0; slot < CallBoard::kSlots; ++slot) wide.post(slot);
    std::vector<std::vector<uint32_t>> taken(kWorkers);
    std::vector<std::thread> threads;
    for (uint16_t i = 0; i < kWorkers; ++i)
      threads.emplace_back([&, i] {
        CallBoardSeat seat(OwnedFd(::dup(wide.fd())), i, static_cast<uint16_t>(i + 1));
        while (const auto call = seat.try_take()) {
          taken[i].push_back(call->slot);
          seat.begin(*call);
          seat.finish(*call);
        }
      });
    for (auto& thread : threads) thread.join();
    std::multiset<uint32_t> all;
    for (const auto& some : taken) all.insert(some.begin(), some.end());
    ASSERT_EQ(all.size(), CallBoard::kSlots);
    for (uint32_t slot = 0; slot < CallBoard::kSlots; ++slot) {
      ASSERT_EQ(all.count(slot), 1u);
      ASSERT_TRUE(wide.is_done(slot));
      wide.free(slot);
    }
  }
}

TEST_F(CallBoardTest, PostsAgainWhatADeadWorkerHadTakenAndTellsWhatItWasRunning) {
  auto worker = sit(0, 1);
  for (const uint32_t slot : {0, 1, 2, 3}) board.post(slot);
  const auto done = worker.try_take();
  worker.begin(*done);
  worker.finish(*done);
  const auto running = worker.try_take();
  worker.begin(*running);
  worker.try_take();
  EXPECT_THAT(board.take_back(1), ElementsAre(1u));
  EXPECT_TRUE(board.is_done(0));
  auto other = sit(1, 2);
  EXPECT_EQ(other.try_take()->slot, 3u);
  EXPECT_EQ(other.try_take()->slot, 2u) << "behind what had been posted before";
  EXPECT_FALSE(other.try_take());
  EXPECT_THAT(board.take_back(1), ElementsAre(1u)) << "nothing of the other's";
}

TEST_F(CallBoardTest, SleepersReturnWhenTheBoardIsClosed) {
  auto worker = sit(0, 1);
  std::thread sleeper([&] {
    while (worker.wait()) {
    }
  });
  board.close();
  sleeper.join();
}

TEST_F(CallBoardTest, BellRingsOnceWhenTheParentSleeps) {
  auto worker = sit(0, 1);
  board.set_bell_below(UINT32_MAX);
  EXPECT_FALSE(worker.takes_bell()) << "it is awake";
  EXPECT_TRUE(board.may_sleep());
  EXPECT_TRUE(worker.takes_bell());
  EXPECT_FALSE(worker.takes_bell());
}

TEST_F(CallBoardTest, BellIsQuietWhileEnoughCallsAreLeft) {
  auto worker = sit(0, 1);
  board.set_bell_below(2);
  for (const uint32_t slot : {0, 1, 2}) board.post(slot);
  EXPECT_TRUE(board.may_sleep());
  worker.try_take();
  EXPECT_FALSE(worker.takes_bell()) << "two are left";
  worker.try_take();
  EXPECT_TRUE(worker.takes_bell());
}

TEST_F(CallBoardTest, ParentMayNotSleepOverWhatIsDone) {
  auto worker = sit(0, 1);
  board.set_bell_below(UINT32_MAX);
  board.post(4);
  const auto call = worker.try_take();
  worker.begin(*call);
  EXPECT_TRUE(board.may_sleep());
  board.woke_up();
  worker.finish(*call);
  EXPECT_FALSE(board.may_sleep());
  board.free(4);
  EXPECT_TRUE(board.may_sleep());
}

TEST_F(CallBoardTest, ASeatSaysOnceWhetherItsWorkerWasReady) {
  EXPECT_FALSE(board.is_anyone_ready());
  sit(0, 1).say_ready();
  EXPECT_TRUE(board.is_anyone_ready());
  EXPECT_TRUE(board.clear_seat(0));
  EXPECT_FALSE(board.is_anyone_ready());
  EXPECT_FALSE(board.clear_seat(0));
  EXPECT_FALSE(board.clear_seat(1));
}

}  // namespace
}  // namespace millrace
