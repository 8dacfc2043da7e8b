// CPython's test_multiprocessing: _TestCondition (test_notify, test_notify_all, test_notify_n, test_timeout,
// test_waitfor, test_waitfor_timeout, test_wait_result), and what Python does not promise.
#include "millrace/sharing/sync/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;

// test_timeout
TEST(ConditionAlone, GivesUpAtTheTimeoutAndHoldsTheLockAgain) {
  Condition condition;
  const std::lock_guard hold(condition);
  EXPECT_FALSE(condition.wait(milliseconds(20)));
  EXPECT_FALSE(condition.wait(milliseconds(0)));
  condition.notify();  // Nobody waits: forgotten.
  EXPECT_FALSE(condition.wait(milliseconds(0)));
}

TEST(ConditionAlone, NeedsItsLock) {
  Condition condition;
  EXPECT_THROW(condition.wait(), std::logic_error);
  EXPECT_THROW(condition.notify(), std::logic_error);
  EXPECT_THROW(condition.notify_all(), std::logic_error);
  EXPECT_THROW(condition.release(), ReleaseError);
}

TEST(ConditionAlone, MayShareALock) {
  Lock lock;
  Condition one(lock);
  RLock rlock;
  Condition two(rlock);
  lock.lock();
  EXPECT_EQ(one.try_acquire(), Acquired::kNo);
  EXPECT_FALSE(one.wait(milliseconds(1)));
  lock.unlock();
  EXPECT_THROW(one.notify(), std::logic_error);
  const std::scoped_lock both(one, two);
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(rlock.is_held());
}

class ConditionOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, ConditionOfMany, everybody(), name_of);

// Says that it is about to wait, waits, says that it woke up. Whoever gets the lock after `sleeping` knows that it
// waits: the lock was free.
void sleep_once(Condition& condition, Semaphore& sleeping, Semaphore& woken) {
  const std::lock_guard hold(condition);
  sleeping.release();
  require(condition.wait(kLong), "it was notified");
  woken.release();
}

void expect_units(Semaphore& semaphore, int count) {
  for (int i = 0; i < count; ++i) ASSERT_EQ(semaphore.acquire(kLong), Acquired::kYes);
  EXPECT_EQ(semaphore.acquire(milliseconds(10)), Acquired::kNo);
}

// test_notify
TEST_P(ConditionOfMany, NotifiesOneAtATime) {
  Condition condition;
  Semaphore sleeping(0), woken(0);
  Crew crew(GetParam());
  for (int i = 0; i < 2; ++i) crew.start(&sleep_once, std::ref(condition), std::ref(sleeping), std::ref(woken));
  expect_units(sleeping, 2);
  for (int i = 0; i < 2; ++i) {
    {
      const std::lock_guard hold(condition);
      condition.notify();
    }
    expect_units(woken, 1);
  }
}

// test_notify_all
TEST_P(ConditionOfMany, NotifiesAll) {
  Condition condition;
  Semaphore sleeping(0), woken(0);
  Crew crew(GetParam());
  for (int i = 0; i < 4; ++i) crew.start(&sleep_once, std::ref(condition), std::ref(sleeping), std::ref(woken));
  expect_units(sleeping, 4);
  {
    const std::lock_guard hold(condition);
    condition.notify_all();
    EXPECT_EQ(woken.get_value(), 0u) << "the lock is still ours";
  }
  expect_units(woken, 4);
}

// test_notify_n
TEST_P(ConditionOfMany, NotifiesAsManyAsAsked) {
  Condition condition;
  Semaphore sleeping(0), woken(0);
  Crew crew(GetParam());
  for (int i = 0; i < 5; ++i) crew.start(&sleep_once, std::ref(condition), std::ref(sleeping), std::ref(woken));
  expect_units(sleeping, 5);
  for (const int count : {1, 2}) {
    {
      const std::lock_guard hold(condition);
      condition.notify(static_cast<size_t>(count));
    }
    expect_units(woken, count);
  }
  const std::lock_guard hold(condition);
  condition.notify(10);
}

// test_waitfor
TEST_P(ConditionOfMany, WaitsForAPredicate) {
  Condition condition;
  RawValue<int> state(-1);
  Crew crew(GetParam());
  crew.start(
      +[](Condition& c, RawValue<int>& s) {
        const std::lock_guard hold(c);
        s.value() = 0;
        c.notify();
        require(c.wait_for([&] { return s.value() == 4; }, kLong), "it came to 4");
      },
      std::ref(condition), std::ref(state));
  const std::lock_guard hold(condition);
  ASSERT_TRUE(condition.wait_for([&] { return state.value() == 0; }, kLong));
  for (int i = 0; i < 4; ++i) {
    ++state.value();
    condition.notify();
    EXPECT_FALSE(condition.wait(milliseconds(1)));
  }
}

// test_waitfor_timeout
TEST_P(ConditionOfMany, GivesUpWhenThePredicateDoesNotComeTrue) {
  Condition condition;
  Event over;
  Crew crew(GetParam());
  crew.start(
      +[](Condition& c, Event& o) {
        const std::lock_guard hold(c);
        require(!c.wait_for([] { return false; }, milliseconds(20)), "it did not come true");
        o.set();
      },
      std::ref(condition), std::ref(over));
  while (!over.wait(milliseconds(1))) {
    const std::lock_guard hold(condition);
    condition.notify_all();
  }
}

// test_wait_result
TEST_P(ConditionOfMany, TellsANotificationFromATimeout) {
  Condition condition;
  Crew crew(GetParam());
  const std::lock_guard hold(condition);
  EXPECT_FALSE(condition.wait(milliseconds(0)));
  EXPECT_FALSE(condition.wait(milliseconds(10)));
  crew.start(
      +[](Condition& c) {
        const std::lock_guard inner(c);
        c.notify();
      },
      std::ref(condition));
  EXPECT_TRUE(condition.wait(kLong));
}

TEST_P(ConditionOfMany, ReleasesAnRLockAltogether) {
  Condition condition;
  Crew crew(GetParam());
  const std::lock_guard once(condition);
  const std::lock_guard twice(condition);
  crew.start(
      +[](Condition& c) {
        const std::lock_guard inner(c);
        c.notify();
      },
      std::ref(condition));
  EXPECT_TRUE(condition.wait(kLong));
  EXPECT_NO_THROW(condition.notify()) << "it is held again";
}

template <class AnyLock>
void passes_a_ball(Others others) {
  AnyLock lock;
  Condition condition(lock);
  RawValue<int> ball;
  Crew crew(others);
  const auto play = [](AnyLock& l, Condition& c, RawValue<int>& b) {
    const std::lock_guard hold(l);
    for (int i = 1; i < 100; i += 2) {
      require(c.wait_for([&] { return b.value() == i; }, kLong), "the ball came");
      ++b.value();
      c.notify();
    }
  };
  crew.start(+play, std::ref(lock), std::ref(condition), std::ref(ball));
  const std::lock_guard hold(lock);
  for (int i = 0; i < 100; i += 2) {
    ASSERT_TRUE(condition.wait_for([&] { return ball.value() == i; }, kLong));
    ++ball.value();
    condition.notify();
  }
  ASSERT_TRUE(condition.wait_for([&] { return ball.value() == 100; }, kLong));
}

TEST_P(ConditionOfMany, PassesABallUnderALockThatWasGiven) { passes_a_ball<Lock>(GetParam()); }
TEST_P(ConditionOfMany, PassesABallUnderAnRLockThatWasGiven) { passes_a_ball<RLock>(GetParam()); }

TEST(ConditionOfThreads, NotifiesThoseFirstWhoWaitedLongest) {
  Condition condition;
  std::vector<int> order;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    Semaphore sleeping(0);
    waiters.emplace_back([&, i] {
      const std::lock_guard hold(condition);
      sleeping.release();
      EXPECT_TRUE(condition.wait(kLong));
      order.push_back(i);
    });
    ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
    const std::lock_guard until_it_waits(condition);
  }
  for (size_t i = 0; i < 4; ++i) {
    const std::lock_guard hold(condition);
    condition.notify();
    ASSERT_FALSE(condition.wait_for([&] { return order.size() > i; }, milliseconds(1)) && order.size() != i + 1);
    while (order.size() <= i) condition.wait(milliseconds(1));
  }
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

void wait_for_ever(Condition& condition, Semaphore& sleeping) {
  const std::lock_guard hold(condition);
  sleeping.release();
  condition.wait();
  for (;;) ::pause();
}

TEST(DeadWaiter, IsPassedOverByNotify) {
  Condition condition;
  Semaphore sleeping(0), woken(0);
  Event here;
  auto dead = victim(&wait_for_ever, std::ref(condition), std::ref(sleeping));
  ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
  {
    const std::lock_guard until_it_waits(condition);
  }
  kill_and_join(dead);
  Crew crew(Others::kForkServer);
  crew.start(&sleep_once, std::ref(condition), std::ref(sleeping), std::ref(woken));
  ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
  {
    const std::lock_guard hold(condition);
    condition.notify();  // The dead one waited longer.
  }
  EXPECT_EQ(woken.acquire(kLong), Acquired::kYes);
}

TEST(DeadWaiter, LeavesItsNotificationToAnother) {
  Condition condition;
  Semaphore sleeping(0), woken(0);
  auto dead = victim(&wait_for_ever, std::ref(condition), std::ref(sleeping));
  ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
  {
    const std::lock_guard until_it_waits(condition);
  }
  Crew crew(Others::kForkServer);
  crew.start(&sleep_once, std::ref(condition), std::ref(sleeping), std::ref(woken));
  ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
  {
    const std::lock_guard hold(condition);
    condition.notify();
    kill_and_join(dead);  // Notified, but it cannot have gone on: the lock is ours.
  }
  EXPECT_EQ(woken.acquire(kLong), Acquired::kYes);
}

TEST(DeadWaiter, LeavesRoomForOthers) {
  Condition condition;
  Semaphore sleeping(0);
  for (size_t i = 0; i < 20; ++i) {
    auto dead = victim(&wait_for_ever, std::ref(condition), std::ref(sleeping));
    ASSERT_EQ(sleeping.acquire(kLong), Acquired::kYes);
    {
      const std::lock_guard until_it_waits(condition);
    }
    kill_and_join(dead);
  }
  const std::lock_guard hold(condition);
  condition.notify_all();
  EXPECT_FALSE(condition.wait(milliseconds(1)));
}

TEST(ConditionOfThreads, RefusesMoreWaitersThanItsTableHoldsAndSaysWhatToDo) {
  Condition condition;
  std::vector<std::thread> waiters;
  size_t entered = 0;  // Guarded by the condition's lock, as the table is: whoever counted itself waits.
  for (size_t i = 0; i < Condition::kMaxWaiters; ++i)
    waiters.emplace_back([&] {
      const std::lock_guard hold(condition);
      ++entered;
      EXPECT_TRUE(condition.wait(kLong));
    });
  for (bool all_wait = false; !all_wait; std::this_thread::yield()) {
    const std::lock_guard hold(condition);
    all_wait = entered == waiters.size();
  }
  {
    const std::lock_guard hold(condition);
    try {
      condition.wait(kLong);
      ADD_FAILURE() << "one more than there is room for";
    } catch (const std::runtime_error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr("256 threads wait at a Condition, and no more can; let these go on"));
    }
    condition.notify_all();
  }
  for (auto& waiter : waiters) waiter.join();
  const std::lock_guard hold(condition);
  EXPECT_FALSE(condition.wait(milliseconds(1))) << "there is room again";
}

TEST(DeadConditionOwner, IsToldToWhoComesBackFromAWait) {
  Condition condition;
  Event held;
  const std::lock_guard hold(condition);
  auto owner = victim(
      +[](Condition& c, Event& h) {
        c.lock();
        c.notify();
        h.set();
        for (;;) ::pause();
      },
      std::ref(condition), std::ref(held));
  std::thread killer([&] {
    EXPECT_TRUE(held.wait(kLong));
    kill_and_join(owner);
  });
  try {
    condition.wait(kLong);
    ADD_FAILURE() << "nobody was told";
  } catch (const OwnerDied& e) {
    EXPECT_EQ(e.pid(), owner.pid());
  }
  killer.join();
  EXPECT_NO_THROW(condition.notify()) << "the lock is held";
}

}  // namespace
}  // namespace millrace::multiprocessing
