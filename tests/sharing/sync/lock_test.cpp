// CPython's test_multiprocessing: _TestLock (test_lock, test_rlock, test_lock_context), and what Python does not
// promise.
#include "millrace/sharing/sync/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::HasSubstr;

// test_lock
TEST(LockAlone, IsTakenOnceUntilItIsReleased) {
  Lock lock;
  EXPECT_EQ(lock.acquire(), Acquired::kYes);
  EXPECT_EQ(lock.try_acquire(), Acquired::kNo);
  EXPECT_FALSE(lock.try_lock());
  lock.release();
  EXPECT_THROW(lock.release(), ReleaseError);
  EXPECT_EQ(lock.try_acquire(), Acquired::kYes);
  lock.release();
}

// test_rlock
TEST(RLockAlone, IsReleasedAsOftenAsItsOwnerAcquiredIt) {
  RLock lock;
  EXPECT_EQ(lock.acquire(), Acquired::kYes);
  EXPECT_EQ(lock.acquire(), Acquired::kYes);
  EXPECT_EQ(lock.try_acquire(), Acquired::kYes);
  EXPECT_TRUE(lock.try_lock());
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(lock.is_held());
    lock.release();
  }
  EXPECT_FALSE(lock.is_held());
  EXPECT_THROW(lock.release(), ReleaseError);
}

// test_lock_context
TEST(LockAlone, IsReleasedAtTheEndOfAScope) {
  Lock lock;
  {
    const std::lock_guard hold(lock);
    EXPECT_TRUE(lock.is_held());
  }
  EXPECT_FALSE(lock.is_held());
  RLock again;
  const std::scoped_lock both(lock, again);
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(again.is_held());
}

TEST(LockAlone, TellsItsOwnerThatItWaitsForItself) {
  Lock lock;
  const std::lock_guard hold(lock);
  EXPECT_THROW((void)lock.acquire(), std::logic_error);
  EXPECT_THROW(lock.lock(), std::logic_error);
  EXPECT_TRUE(lock.is_held()) << "the attempt changed something";
}

TEST(LockAlone, IsHeldToItsOwnerAsToAnybodyWhereThereIsATimeout) {
  Lock lock;
  const std::lock_guard hold(lock);
  EXPECT_EQ(lock.try_acquire(), Acquired::kNo);
  EXPECT_FALSE(lock.try_lock());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(lock.acquire(std::chrono::milliseconds(30)), Acquired::kNo);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30)) << "the time it was given";
  EXPECT_TRUE(lock.is_held());
}

TEST(LockAlone, TellsWhetherAnybodyHoldsIt) {
  Lock lock;
  EXPECT_FALSE(lock.locked());
  lock.lock();
  EXPECT_TRUE(lock.locked());
  std::thread([&] { EXPECT_TRUE(lock.locked()); }).join();
  lock.release();
  EXPECT_FALSE(lock.locked());
}

class LockOfAnother : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, LockOfAnother, everybody(), name_of);

template <class AnyLock>
void hold_until(AnyLock& lock, Event& held, Event& enough) {
  const std::lock_guard hold(lock);
  held.set();
  require(enough.wait(kLong), "somebody says that it is enough");
}

template <class AnyLock>
void see_another_hold_it(Others others) {
  AnyLock lock;
  Event held, enough;
  Crew crew(others);
  EXPECT_FALSE(lock.locked());
  crew.start(&hold_until<AnyLock>, std::ref(lock), std::ref(held), std::ref(enough));
  ASSERT_TRUE(held.wait(kLong));
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.is_held());
  enough.set();
  crew.join();
  EXPECT_FALSE(lock.locked());
}

// test_lock_locked_2processes
TEST_P(LockOfAnother, IsSeenToBeHeld) { see_another_hold_it<Lock>(GetParam()); }

// test_rlock_locked_2processes
TEST_P(LockOfAnother, IsSeenToBeHeldWhereItCounts) {
  see_another_hold_it<RLock>(GetParam());
  RLock lock;
  lock.lock();
  lock.lock();
  lock.release();
  EXPECT_TRUE(lock.locked()) << "once more than it was released";
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(LocksByTheThousand, TakeSomeDescriptorsOnlyAndTravelInOneMessage) {
  // The server that starts children may be replaced when one is started, and has other descriptors then. Memory that a
  // long message was sent in stays for the next one.
  Process first(+[](const std::vector<char>&) {}, std::vector<char>(1'000'000));
  first.start();
  ASSERT_TRUE(first.join(test::kLong));
  const auto before = test::open_descriptors();
  {
    std::vector<Lock> locks(1000);
    std::vector<Semaphore> semaphores(100);
    std::vector<Event> events(1000);
    EXPECT_LT(test::open_descriptors().size(), before.size() + 10);
    locks[999].lock();
    Process process(
        +[](std::vector<Lock>& l, std::vector<Event>& e) {
          require(l.size() == 1000 && test::open_descriptors().size() < 30, "few descriptors came");
          require(l[998].try_acquire() == Acquired::kYes, "each is one of its own");
          require(l[999].try_acquire() == Acquired::kNo, "the last is held");
          l[998].release();
          e[500].set();
        },
        std::ref(locks), std::ref(events));
    process.start();
    ASSERT_TRUE(process.join(test::kLong));
    EXPECT_EQ(process.exitcode(), 0);
    EXPECT_TRUE(events[500].is_set());
    EXPECT_FALSE(events[499].is_set());
    locks[999].release();
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(LocksOfAForkedChild, LieInOtherPlacesThanThoseThatItsParentMakes) {
  const Lock first;
  Event child_has_its_own, so_has_its_parent;
  auto child = Process(
      StartMethod::kFork,
      +[](Event& here, Event& there) {
        std::vector<Lock> locks(10);
        for (auto& lock : locks) lock.lock();
        here.set();
        there.wait();
        for (auto& lock : locks) require(lock.is_held(), "nobody else changed it");
      },
      std::ref(child_has_its_own), std::ref(so_has_its_parent));
  child.start();
  ASSERT_TRUE(child_has_its_own.wait(test::kLong));
  std::vector<Lock> locks(10);
  for (auto& lock : locks) EXPECT_EQ(lock.try_acquire(), Acquired::kYes);
  so_has_its_parent.set();
  EXPECT_TRUE(child.join(test::kLong));
  EXPECT_EQ(child.exitcode(), 0);
  for (auto& lock : locks) lock.release();
}

TEST(LockAlone, MovesWhileItIsHeld) {
  Lock first;
  ASSERT_EQ(first.acquire(), Acquired::kYes);
  Lock second = std::move(first);
  EXPECT_TRUE(second.is_held());
  second.release();
}

TEST(LockAlone, MayBeDestroyedWhileItIsHeld) {
  for (int i = 0; i < 3; ++i) {
    Lock lock;
    ASSERT_EQ(lock.acquire(), Acquired::kYes);
  }
  // The C library links held mutexes; this one would be linked behind memory that is gone.
  Lock next;
  ASSERT_EQ(next.acquire(), Acquired::kYes);
  next.release();
}

class LockOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, LockOfMany, everybody(), name_of);

template <class AnyLock>
void count_up(AnyLock& lock, RawValue<int>& counter) {
  for (int i = 0; i < 1000; ++i) {
    const std::lock_guard hold(lock);
    ++counter.value();
  }
}

TEST_P(LockOfMany, LetsOneInAtATime) {
  Lock lock;
  RawValue<int> counter;
  Crew crew(GetParam());
  for (int i = 0; i < 3; ++i) crew.start(&count_up<Lock>, std::ref(lock), std::ref(counter));
  count_up(lock, counter);
  crew.join();
  EXPECT_EQ(counter.value(), 4000);
}

TEST_P(LockOfMany, LetsOneInAtATimeWhenItCounts) {
  RLock lock;
  RawValue<int> counter;
  Crew crew(GetParam());
  for (int i = 0; i < 3; ++i) {
    crew.start(
        +[](RLock& l, RawValue<int>& c) {
          for (int k = 0; k < 1000; ++k) {
            const std::lock_guard outer(l);
            const std::lock_guard inner(l);
            ++c.value();
          }
        },
        std::ref(lock), std::ref(counter));
  }
  crew.join();
  EXPECT_EQ(counter.value(), 3000);
}

TEST_P(LockOfMany, RefusesToBeTakenOrReleasedWhileAnotherHoldsIt) {
  Lock lock;
  const std::lock_guard hold(lock);
  Crew crew(GetParam());
  crew.start(
      +[](Lock& l) {
        require(!l.try_lock(), "try_lock() fails");
        require(l.try_acquire() == Acquired::kNo, "try_acquire() fails");
        require(l.acquire(milliseconds(5)) == Acquired::kNo, "acquire() gives up at its timeout");
        require(l.acquire(milliseconds(-5)) == Acquired::kNo, "a timeout below zero is none at all");
        require(!l.is_held(), "it is not ours");
        require(throws<ReleaseError>([&] { l.release(); }), "release() is refused");
      },
      std::ref(lock));
  crew.join();
  EXPECT_TRUE(lock.is_held());
}

TEST_P(LockOfMany, GoesOnOnlyWhenAnRLockWasReleasedAsOften) {
  RLock lock;
  Event once, twice;
  const auto half_released = [](RLock& l, Event& o, Event& t) {
    require(o.wait(kLong), "released once");
    require(l.try_acquire() == Acquired::kNo, "it is still held");
    t.set();
    require(l.acquire(kLong) == Acquired::kYes, "it is free at last");
    l.release();
  };
  lock.lock();
  lock.lock();
  Crew crew(GetParam());
  crew.start(+half_released, std::ref(lock), std::ref(once), std::ref(twice));
  lock.unlock();
  once.set();
  EXPECT_TRUE(twice.wait(kLong));
  lock.unlock();
}

TEST_P(LockOfMany, ReachesTheChildrenOfChildren) {
  Lock lock;
  RawValue<int> counter;
  Crew crew(GetParam());
  crew.start(
      +[](Lock& l, RawValue<int>& c) {
        Process grandchild(&count_up<Lock>, std::ref(l), std::ref(c));
        grandchild.start();
        count_up(l, c);
        require(grandchild.join(kLong) && grandchild.exitcode() == 0, "the grandchild counted");
      },
      std::ref(lock), std::ref(counter));
  crew.join();
  EXPECT_EQ(counter.value(), 2000);
}

template <class AnyLock>
void hold_for_ever(AnyLock& lock, Event& held) {
  lock.lock();
  held.set();
  for (;;) ::pause();
}

template <class AnyLock>
class DeadOwner : public testing::Test {
 protected:
  void leave_a_dead_owner() {
    auto owner = victim(&hold_for_ever<AnyLock>, std::ref(lock), std::ref(held));
    ASSERT_TRUE(held.wait(kLong));
    pid = owner.pid().value();
    kill_and_join(owner);
  }

  AnyLock lock;
  Event held;
  pid_t pid = 0;
};
using Locks = testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(DeadOwner, Locks);

TYPED_TEST(DeadOwner, IsToldOnceToTheNextOne) {
  this->leave_a_dead_owner();
  EXPECT_EQ(this->lock.acquire(), Acquired::kOwnerDied);
  EXPECT_TRUE(this->lock.is_held());
  this->lock.release();
  EXPECT_EQ(this->lock.acquire(), Acquired::kYes);
  this->lock.release();
}

TYPED_TEST(DeadOwner, IsToldToWhoTriesToo) {
  this->leave_a_dead_owner();
  EXPECT_EQ(this->lock.try_acquire(), Acquired::kOwnerDied);
  this->lock.release();
}

TYPED_TEST(DeadOwner, IsToldToWhoWaited) {
  auto owner = victim(&hold_for_ever<TypeParam>, std::ref(this->lock), std::ref(this->held));
  ASSERT_TRUE(this->held.wait(kLong));
  std::thread killer([&] {
    EXPECT_EQ(this->lock.acquire(milliseconds(5)), Acquired::kNo);
    owner.kill();
  });
  EXPECT_EQ(this->lock.acquire(kLong), Acquired::kOwnerDied);
  this->lock.release();
  killer.join();
  EXPECT_TRUE(owner.join(kLong));
}

TYPED_TEST(DeadOwner, KeepsGuardsOutUntilSomebodyHasAcquiredTheLock) {
  this->leave_a_dead_owner();
  for (int i = 0; i < 2; ++i) {
    try {
      const std::lock_guard hold(this->lock);
      FAIL() << "nobody was told";
    } catch (const OwnerDied& e) {
      EXPECT_EQ(e.pid(), this->pid);
      EXPECT_THAT(e.what(), HasSubstr(std::to_string(this->pid)));
      EXPECT_THAT(e.what(), HasSubstr("acquire()"));
    }
    EXPECT_FALSE(this->lock.is_held());
  }
  EXPECT_THROW((void)this->lock.try_lock(), OwnerDied);
  EXPECT_EQ(this->lock.acquire(), Acquired::kOwnerDied);
  this->lock.release();
  const std::lock_guard hold(this->lock);
}

TYPED_TEST(DeadOwner, MayAlsoBeAThreadThatEnded) {
  std::thread([this] { EXPECT_EQ(this->lock.acquire(), Acquired::kYes); }).join();
  EXPECT_EQ(this->lock.acquire(), Acquired::kOwnerDied);
  this->lock.release();
}

TYPED_TEST(DeadOwner, MayHaveExitedInPeace) {
  Process owner(StartMethod::kForkServer, +[](TypeParam& l) { l.lock(); }, std::ref(this->lock));
  owner.start();
  ASSERT_TRUE(owner.join(kLong));
  EXPECT_EQ(owner.exitcode(), 0);
  EXPECT_EQ(this->lock.acquire(), Acquired::kOwnerDied);
  this->lock.release();
}

TEST(DeadRLockOwner, LeavesNoDepthBehind) {
  RLock lock;
  Event held;
  auto owner = victim(
      +[](RLock& l, Event& h) {
        l.lock();
        l.lock();
        hold_for_ever(l, h);
      },
      std::ref(lock), std::ref(held));
  ASSERT_TRUE(held.wait(kLong));
  kill_and_join(owner);
  ASSERT_EQ(lock.acquire(), Acquired::kOwnerDied);
  lock.release();
  EXPECT_FALSE(lock.is_held());
}

}  // namespace
}  // namespace millrace::multiprocessing
