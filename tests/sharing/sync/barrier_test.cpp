// CPython's test_multiprocessing: _TestBarrier (test_barrier, test_barrier_10, test_wait_return, test_action,
// test_abort, test_reset, test_abort_and_reset, test_timeout, test_default_timeout, test_single_thread, test_thousand),
// and what Python does not promise.
#include "millrace/sharing/sync/barrier.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;

constexpr uint32_t kParties = 5;

class BarrierOfMany : public SyncTest {
 protected:
  // The others, and this thread as the last of kParties.
  template <class F, class... Arguments>
  void run(F target, Arguments&&... arguments) {
    Crew crew(GetParam());
    for (uint32_t i = 1; i < kParties; ++i) crew.start(target, arguments...);
    target(arguments...);
  }
};
INSTANTIATE_TEST_SUITE_P(, BarrierOfMany, everybody(), name_of);

// Counts itself at each round, and finds at the barrier that all have.
void pass_in_step(Barrier& barrier, RawArray<int>& counts, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const std::atomic_ref<int> count(counts[static_cast<size_t>(round)]);
    ++count;
    barrier.wait();
    require(count == static_cast<int>(barrier.parties()), "all had come before one went on");
  }
}

// test_barrier
TEST_P(BarrierOfMany, LetsAllPassTogether) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> counts(1);
  run(&pass_in_step, std::ref(barrier), std::ref(counts), 1);
}

// test_barrier_10
TEST_P(BarrierOfMany, LetsAllPassTogetherTenTimes) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> counts(10);
  run(&pass_in_step, std::ref(barrier), std::ref(counts), 10);
}

// test_thousand
TEST_P(BarrierOfMany, LetsAllPassTogetherAThousandTimes) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> counts(1000);
  run(&pass_in_step, std::ref(barrier), std::ref(counts), 1000);
}

// test_wait_return
TEST_P(BarrierOfMany, GivesEachPartyItsNumber) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> taken(kParties);
  run(+[](Barrier& b, RawArray<int>& t) { ++std::atomic_ref<int>(t[b.wait()]); }, std::ref(barrier), std::ref(taken));
  for (const int times : taken.view()) EXPECT_EQ(times, 1);
}

// Actions take no arguments; what they change has to be found by itself.
std::atomic<int>* actions_run = nullptr;

// test_action
TEST(BarrierOfThreads, RunsTheActionOnceBeforeAnybodyGoesOn) {
  std::atomic<int> runs = 0;
  actions_run = &runs;
  Barrier barrier(kParties, +[] { ++*actions_run; }, kLong);
  const auto party = [&] {
    for (int i = 1; i <= 50; ++i) {
      barrier.wait();
      EXPECT_EQ(runs, i);
      barrier.wait();
      EXPECT_EQ(runs, ++i);
    }
  };
  std::vector<std::jthread> others;
  for (uint32_t i = 1; i < kParties; ++i) others.emplace_back(party);
  party();
}

void count_rounds(Value<int>& runs, std::string& own, int step) {
  own += 'x';
  runs = runs + step;
}

TEST_P(BarrierOfMany, RunsAnActionWithItsState) {
  Value<int> runs;
  Barrier barrier(kParties, {count_rounds, std::ref(runs), "own", 2}, kLong);
  run(
      +[](Barrier& b, Value<int>& r) {
        for (int i = 1; i <= 20; ++i) {
          b.wait();
          require(r == 2 * i, "the action ran once, before anybody goes on");
          b.wait();
          require(r == 2 * ++i, "and again");
        }
      },
      std::ref(barrier), std::ref(runs));
  EXPECT_EQ(runs, 40);
}

TEST_P(BarrierOfMany, BreaksWhenTheActionThrowsAndOnlyTheLastOneSeesThat) {
  Barrier barrier(kParties, +[] { throw std::domain_error("the action"); }, kLong);
  RawArray<int> outcomes(2);
  run(
      +[](Barrier& b, RawArray<int>& o) {
        if (throws<std::domain_error>([&] {
              require(throws<BrokenBarrier>([&] { b.wait(); }), "the others' barrier is broken");
              ++std::atomic_ref<int>(o[0]);
            }))
          ++std::atomic_ref<int>(o[1]);
      },
      std::ref(barrier), std::ref(outcomes));
  EXPECT_EQ(outcomes[0], 4);
  EXPECT_EQ(outcomes[1], 1);
  EXPECT_TRUE(barrier.broken());
}

void wait_unless_last(Barrier& barrier, RawArray<int>& outcomes, bool reset) {
  try {
    const uint32_t number = barrier.wait();
    if (number == kParties / 2) {
      if (reset) {
        while (barrier.n_waiting() < kParties - 1) ::usleep(100);
        barrier.reset();
      } else {
        barrier.abort();
      }
    } else {
      barrier.wait();
      ++std::atomic_ref<int>(outcomes[0]);
    }
    if (reset) {
      barrier.wait();
      ++std::atomic_ref<int>(outcomes[2]);
    }
  } catch (const BrokenBarrier&) {
    ++std::atomic_ref<int>(outcomes[1]);
    if (reset) {
      barrier.wait();
      ++std::atomic_ref<int>(outcomes[2]);
    }
  }
}

// test_abort
TEST_P(BarrierOfMany, ThrowsEverybodyOutWhenItIsAborted) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> outcomes(3);
  run(&wait_unless_last, std::ref(barrier), std::ref(outcomes), false);
  EXPECT_EQ(outcomes[0], 0);
  EXPECT_EQ(outcomes[1], 4);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
}

// test_reset
TEST_P(BarrierOfMany, IsWholeAgainForThoseWhomAResetThrewOut) {
  Barrier barrier(kParties, nullptr, kLong);
  RawArray<int> outcomes(3);
  run(&wait_unless_last, std::ref(barrier), std::ref(outcomes), true);
  EXPECT_EQ(outcomes[0], 0);
  EXPECT_EQ(outcomes[1], 4);
  EXPECT_EQ(outcomes[2], 5);
  EXPECT_FALSE(barrier.broken());
}

// test_abort_and_reset
TEST_P(BarrierOfMany, IsWholeAgainAfterAbortAndReset) {
  Barrier barrier(kParties, nullptr, kLong);
  Barrier meeting(kParties, nullptr, kLong);
  RawArray<int> outcomes(2);
  run(
      +[](Barrier& b, Barrier& m, RawArray<int>& o) {
        try {
          if (b.wait() == kParties / 2)
            b.abort();
          else
            b.wait();
        } catch (const BrokenBarrier&) {
          ++std::atomic_ref<int>(o[0]);
        }
        if (m.wait() == kParties / 2) b.reset();
        m.wait();
        b.wait();
        ++std::atomic_ref<int>(o[1]);
      },
      std::ref(barrier), std::ref(meeting), std::ref(outcomes));
  EXPECT_EQ(outcomes[0], 4);
  EXPECT_EQ(outcomes[1], 5);
}

// test_timeout
TEST_P(BarrierOfMany, BreaksForAllWhenOnesTimeRunsOut) {
  Barrier barrier(kParties);
  run(
      +[](Barrier& b) {
        if (b.wait(kLong) == kParties / 2) return;  // One does not come again.
        require(throws<BrokenBarrier>([&] { b.wait(milliseconds(30)); }), "the time ran out");
      },
      std::ref(barrier));
  EXPECT_TRUE(barrier.broken());
}

// test_default_timeout
TEST_P(BarrierOfMany, TakesItsOwnTimeoutWhenWaitIsGivenNone) {
  Barrier barrier(kParties, nullptr, milliseconds(30));
  Crew crew(GetParam());
  for (uint32_t i = 1; i < kParties; ++i)
    crew.start(
        +[](Barrier& b) { require(throws<BrokenBarrier>([&] { b.wait(); }), "the time ran out"); }, std::ref(barrier));
  crew.join();
  EXPECT_TRUE(barrier.broken());
}

// test_single_thread
TEST(BarrierAlone, OfOnePartyIsAlwaysOpen) {
  Barrier barrier(1);
  EXPECT_EQ(barrier.wait(), 0u);
  EXPECT_EQ(barrier.wait(milliseconds(0)), 0u);
  EXPECT_EQ(barrier.parties(), 1u);
}

TEST(BarrierAlone, NeedsAParty) {
  EXPECT_THROW(Barrier(0), std::invalid_argument);
  EXPECT_THROW(Barrier().wait(), std::logic_error);
}

TEST(BarrierAlone, ResetMakesItWhole) {
  Barrier barrier(2);
  EXPECT_THROW(barrier.wait(milliseconds(0)), BrokenBarrier);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0u);
}

void wait_at(Barrier& barrier) { barrier.wait(); }

TEST(DeadParty, BreaksTheBarrierForThoseWhoWait) {
  Barrier barrier(3, nullptr, kLong);
  auto dead = victim(&wait_at, std::ref(barrier));
  while (barrier.n_waiting() < 1) ::usleep(100);
  std::thread killer([&] {
    while (barrier.n_waiting() < 2) ::usleep(100);
    dead.kill();
  });
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  killer.join();
  EXPECT_TRUE(dead.join(kLong));
}

TEST(DeadParty, BreaksTheBarrierForThoseWhoCome) {
  Barrier barrier(2, nullptr, kLong);
  auto dead = victim(&wait_at, std::ref(barrier));
  while (barrier.n_waiting() < 1) ::usleep(100);
  kill_and_join(dead);
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  EXPECT_EQ(barrier.n_waiting(), 0u);
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
}

TEST(DeadParty, BreaksTheBarrierAlsoInsideTheAction) {
  Barrier barrier(2, +[] { ::raise(SIGKILL); }, kLong);
  auto dead = victim(
      +[](Barrier& b) {
        while (b.n_waiting() < 1) ::usleep(100);
        b.wait();
      },
      std::ref(barrier));
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
  EXPECT_TRUE(dead.join(kLong));
  EXPECT_EQ(dead.exitcode(), -SIGKILL);
}

}  // namespace
}  // namespace millrace::multiprocessing
