// CPython's test_multiprocessing: _TestSemaphore (test_semaphore, test_bounded_semaphore, test_timeout), and what
// Python does not promise.
#include "millrace/sharing/sync/semaphore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <vector>

#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;

template <class Any>
void counts_down_and_up(Any&& semaphore) {
  EXPECT_EQ(semaphore.get_value(), 2u);
  EXPECT_EQ(semaphore.acquire(), Acquired::kYes);
  EXPECT_EQ(semaphore.get_value(), 1u);
  EXPECT_EQ(semaphore.acquire(), Acquired::kYes);
  EXPECT_EQ(semaphore.get_value(), 0u);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kNo);
  EXPECT_EQ(semaphore.get_value(), 0u);
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 1u);
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 2u);
}

// test_semaphore
TEST(SemaphoreAlone, CountsDownAndUpAndAboveItsFirstValue) {
  Semaphore semaphore(2);
  counts_down_and_up(semaphore);
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 3u);
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 4u);
}

// test_bounded_semaphore
TEST(BoundedSemaphoreAlone, CountsDownAndUpButNotAboveItsFirstValue) {
  BoundedSemaphore semaphore(2);
  counts_down_and_up(semaphore);
  EXPECT_THROW(semaphore.release(), ReleaseError);
  EXPECT_EQ(semaphore.get_value(), 2u);
}

// test_timeout
TEST(SemaphoreAlone, GivesUpAtTheTimeout) {
  Semaphore semaphore(0);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kNo);
  EXPECT_EQ(semaphore.acquire(milliseconds(0)), Acquired::kNo);
  EXPECT_EQ(semaphore.acquire(milliseconds(-1)), Acquired::kNo);
  EXPECT_EQ(semaphore.acquire(milliseconds(50)), Acquired::kNo);
  EXPECT_FALSE(semaphore.try_lock());
}

TEST(SemaphoreAlone, BeginsWithOneUnit) {
  EXPECT_EQ(Semaphore().get_value(), 1u);
  EXPECT_EQ(BoundedSemaphore().get_value(), 1u);
}

TEST(SemaphoreAlone, WorksWithGuards) {
  Semaphore semaphore(2);
  {
    const std::lock_guard hold(semaphore);
    EXPECT_EQ(semaphore.get_value(), 1u);
  }
  EXPECT_EQ(semaphore.get_value(), 2u);
}

class SemaphoreOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, SemaphoreOfMany, everybody(), name_of);

TEST_P(SemaphoreOfMany, LetsAsManyInAsItHasUnits) {
  Semaphore semaphore(2);
  RawValue<int> inside, most;
  Crew crew(GetParam());
  for (int i = 0; i < 4; ++i) {
    crew.start(
        +[](Semaphore& s, RawValue<int>& in, RawValue<int>& top) {
          const std::atomic_ref<int> inside_now(in.value()), most_ever(top.value());
          for (int k = 0; k < 300; ++k) {
            const std::lock_guard hold(s);
            const int now = ++inside_now;
            int seen = most_ever;
            while (now > seen && !most_ever.compare_exchange_weak(seen, now)) {
            }
            --inside_now;
          }
        },
        std::ref(semaphore), std::ref(inside), std::ref(most));
  }
  crew.join();
  EXPECT_EQ(inside.value(), 0);
  EXPECT_LE(most.value(), 2);
  EXPECT_EQ(semaphore.get_value(), 2u);
}

TEST_P(SemaphoreOfMany, CarriesSignalsFromOneToAnother) {
  Semaphore items(0);
  Crew crew(GetParam());
  crew.start(
      +[](Semaphore& s) {
        for (int i = 0; i < 500; ++i) s.release();
      },
      std::ref(items));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(items.acquire(kLong), Acquired::kYes) << i;
  EXPECT_EQ(items.try_acquire(), Acquired::kNo);
}

TEST_P(SemaphoreOfMany, TakesUnitsBackFromAnotherThanTheirHolder) {
  BoundedSemaphore slots(3);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(slots.acquire(), Acquired::kYes);
  Crew crew(GetParam());
  crew.start(
      +[](BoundedSemaphore& s) {
        for (int i = 0; i < 3; ++i) s.release();
        require(throws<ReleaseError>([&] { s.release(); }), "a fourth release() is refused");
      },
      std::ref(slots));
  crew.join();
  EXPECT_EQ(slots.get_value(), 3u);
}

void hold_units(Semaphore& semaphore, Event& held, int units) {
  for (int i = 0; i < units; ++i) (void)semaphore.acquire();
  held.set();
  for (;;) ::pause();
}

TEST(DeadHolder, GivesItsUnitsBackAndTheNextOneIsTold) {
  Semaphore semaphore(3);
  Event held;
  auto holder = victim(&hold_units, std::ref(semaphore), std::ref(held), 3);
  ASSERT_TRUE(held.wait(kLong));
  EXPECT_EQ(semaphore.acquire(milliseconds(30)), Acquired::kNo) << "it lives";
  kill_and_join(holder);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kOwnerDied);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kYes);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kYes);
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kNo);
}

TEST(DeadHolder, IsNoticedByWhoWaits) {
  Semaphore semaphore(1);
  Event held;
  auto holder = victim(&hold_units, std::ref(semaphore), std::ref(held), 1);
  ASSERT_TRUE(held.wait(kLong));
  std::thread killer([&] {
    EXPECT_EQ(semaphore.acquire(milliseconds(5)), Acquired::kNo);
    holder.kill();
  });
  EXPECT_EQ(semaphore.acquire(kLong), Acquired::kOwnerDied);
  killer.join();
  EXPECT_TRUE(holder.join(kLong));
}

TEST(DeadHolder, IsToldToGuardsUntilSomebodyHasAcquired) {
  Semaphore semaphore(1);
  Event held;
  auto holder = victim(&hold_units, std::ref(semaphore), std::ref(held), 1);
  ASSERT_TRUE(held.wait(kLong));
  kill_and_join(holder);
  EXPECT_THROW(semaphore.lock(), OwnerDied);
  EXPECT_THROW((void)semaphore.try_lock(), OwnerDied);
  EXPECT_EQ(semaphore.acquire(), Acquired::kOwnerDied);
  semaphore.release();
  const std::lock_guard hold(semaphore);
}

TEST(DeadHolder, OfASignalDoesNotGiveItAgain) {
  Semaphore items(0);
  Event held;
  items.release();
  items.release();
  auto consumer = victim(&hold_units, std::ref(items), std::ref(held), 2);
  ASSERT_TRUE(held.wait(kLong));
  kill_and_join(consumer);
  EXPECT_EQ(items.acquire(milliseconds(30)), Acquired::kNo) << "a signal came back that had been consumed";
  items.release();
  EXPECT_EQ(items.acquire(kLong), Acquired::kYes);
}

TEST(SemaphoreOfTooMany, RefusesMoreHoldersThanItsTableHoldsUntilOneDies) {
  constexpr auto kHolders = static_cast<uint32_t>(Semaphore::kMaxHolders);
  Semaphore semaphore(kHolders + 2);
  Semaphore holding(0);
  // By fork() itself: as Processes they would take more descriptors than most users may have.
  std::vector<pid_t> holders;
  for (uint32_t i = 0; i < kHolders; ++i) {
    holders.push_back(::fork());
    if (holders.back() != 0) continue;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)semaphore.acquire();
    holding.release();
    for (;;) ::pause();
  }
  const auto end = [](pid_t holder) {
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
  };
  for (uint32_t i = 0; i < kHolders; ++i) ASSERT_EQ(holding.acquire(kLong), Acquired::kYes);
  EXPECT_EQ(semaphore.get_value(), 2u);
  try {
    (void)semaphore.try_acquire();
    ADD_FAILURE() << "one holder more than there is room for";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("1024 processes hold units of it, and no more can; let each give"));
  }
  end(holders.back());
  holders.pop_back();
  EXPECT_EQ(semaphore.try_acquire(), Acquired::kOwnerDied);
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 3u);
  for (const pid_t holder : holders) end(holder);
}

TEST(DeadHolder, OfABoundedSemaphoreLeavesItWhole) {
  BoundedSemaphore semaphore(2);
  for (int round = 0; round < 3; ++round) {
    Event held;
    auto holder = victim(
        +[](BoundedSemaphore& bounded, Event& event, int units) { hold_units(bounded, event, units); },
        std::ref(semaphore), std::ref(held), 2);
    ASSERT_TRUE(held.wait(kLong));
    kill_and_join(holder);
    EXPECT_EQ(semaphore.acquire(kLong), Acquired::kOwnerDied);
    EXPECT_EQ(semaphore.acquire(kLong), Acquired::kYes);
    semaphore.release();
    semaphore.release();
    EXPECT_EQ(semaphore.get_value(), 2u);
    EXPECT_THROW(semaphore.release(), ReleaseError);
  }
}

}  // namespace
}  // namespace millrace::multiprocessing
