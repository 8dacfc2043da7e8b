// Processes killed at random moments while they use all of the synchronisation objects at once.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/barrier.h"
#include "millrace/sharing/sync/condition.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"

namespace millrace::multiprocessing::kill_test {
namespace {

constexpr uint32_t kParties = 4;
constexpr uint32_t kUnits = 2;
constexpr uint64_t kInside = 60'000;  // Loops spent inside, so that many are killed there.
constexpr int kKills = 1'000;
constexpr std::chrono::seconds kHang{5};

// Two numbers that are equal whenever nobody is inside the lock.
struct Pair {
  int64_t first = 0;
  int64_t second = 0;
};

struct Shared {
  Lock lock;
  Value<Pair> pair;
  Semaphore semaphore{kUnits};
  BoundedSemaphore bounded{1};
  Condition condition;
  RawValue<int64_t> news;  // Under the condition's lock.
  Event event;
  Barrier barrier{2};
  RawArray<uint64_t> progress{kParties};
  RawArray<uint64_t> told{1};  // Deaths that acquire() has told of.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(lock, pair, semaphore, bounded, condition, news, event, barrier, progress, told);
  }
};

void note(Shared& shared, Acquired acquired) {
  require(acquired != Acquired::kNo, "a wait without a timeout ends well");
  if (acquired == Acquired::kOwnerDied) ++std::atomic_ref<uint64_t>(shared.told[0]);
}

void spin(std::mt19937_64& random, uint64_t most) {
  for (volatile uint64_t left = random() % most; left > 0;) left = left - 1;
}

// One of the things that can be done with them; each ends sooner or later, because the test's own process notifies and
// sets, and three other parties go to the barrier.
void do_something(Shared& shared, std::mt19937_64& random) {
  switch (random() % 12) {
    case 0:
    case 7:
    case 8: {
      note(shared, shared.lock.acquire());
      spin(random, kInside);
      shared.lock.release();
      return;
    }
    case 1:
    case 9: {
      auto& lock = shared.pair.get_lock();
      const auto acquired = lock.acquire();
      note(shared, acquired);
      auto& pair = shared.pair.value();
      if (acquired == Acquired::kOwnerDied) pair.second = pair.first;
      require(pair.first == pair.second, "nobody has left the pair unequal untold");
      const std::lock_guard again(lock);
      ++std::atomic_ref(pair.first);
      spin(random, kInside);
      ++std::atomic_ref(pair.second);
      lock.release();
      return;
    }
    case 2:
    case 10:
      note(shared, shared.semaphore.acquire());
      spin(random, kInside);
      shared.semaphore.release();
      return;
    case 3:
    case 11:
      note(shared, shared.bounded.acquire());
      spin(random, kInside);
      shared.bounded.release();
      return;
    case 4: {
      note(shared, shared.condition.acquire());
      const int64_t seen = shared.news.value();
      try {
        shared.condition.wait_for([&] { return shared.news.value() != seen; });
      } catch (const OwnerDied&) {
        ++std::atomic_ref<uint64_t>(shared.told[0]);
      }
      ++shared.news.value();
      shared.condition.notify(1 + random() % 3);
      shared.condition.release();
      return;
    }
    case 5:
      shared.event.wait();
      shared.event.clear();
      return;
    default:
      try {
        shared.barrier.wait();
      } catch (const BrokenBarrier&) {
        shared.barrier.reset();
      }
  }
}

void take_part(Shared& shared, size_t me, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::atomic_ref<uint64_t> progress(shared.progress[me]);
  for (;;) {
    do_something(shared, random);
    ++progress;
  }
}

// What keeps those going who wait for somebody.
void encourage(Shared& shared) {
  shared.event.set();
  note(shared, shared.condition.acquire());
  ++shared.news.value();
  shared.condition.notify_all();
  shared.condition.release();
  try {
    shared.barrier.wait(std::chrono::milliseconds(0));
  } catch (const BrokenBarrier&) {
    shared.barrier.reset();
  }
}

// Until a party has done so much more; the watchdog ends the test when it does not get on.
void await_rounds(Shared& shared, size_t party, uint64_t rounds) {
  const test::Watchdog watchdog("a party that makes no progress", kHang);
  const std::atomic_ref<uint64_t> progress(shared.progress[party]);
  const uint64_t goal = progress + rounds;
  while (progress < goal) encourage(shared);
}

// What has ended does not count.
std::set<int> descriptors_without_ended_children() {
  (void)active_children();
  return test::open_descriptors();
}

TEST(SyncKill, AThousandProcessesAtRandomMomentsHangNobody) {
  auto random = test::seeded_generator();
  const auto names_before = test::shared_memory_names();
  {
    victim(+[] {}).join(test::kLong);
  }
  const auto descriptors_before = descriptors_without_ended_children();
  {
    Shared shared;
    std::vector<Process> parties;
    const auto start = [&](size_t i) { return victim(&take_part, std::ref(shared), i, random()); };
    for (size_t i = 0; i < kParties; ++i) parties.push_back(start(i));
    for (int kill = 0; kill < kKills; ++kill) {
      const size_t chosen = random() % kParties;
      await_rounds(shared, chosen, random() % 20);
      spin(random, 20'000);
      kill_and_join(parties[chosen]);
      parties[chosen] = start(chosen);
    }
    for (size_t i = 0; i < kParties; ++i) await_rounds(shared, i, 1);
    for (auto& party : parties) kill_and_join(party);
    // All is free, and whole.
    const test::Watchdog watchdog("the end", kHang);
    note(shared, shared.lock.acquire());
    for (uint32_t i = 0; i < kUnits; ++i) note(shared, shared.semaphore.acquire());
    EXPECT_EQ(shared.semaphore.try_acquire(), Acquired::kNo) << "there are more units than at first";
    note(shared, shared.bounded.acquire());
    EXPECT_EQ(shared.bounded.try_acquire(), Acquired::kNo);
    shared.barrier.reset();
    EXPECT_EQ(shared.barrier.n_waiting(), 0u);
    std::printf("%d kills, %llu of them told as an owner's death, %llu rounds\n", kKills,
                static_cast<unsigned long long>(shared.told[0]),
                static_cast<unsigned long long>(
                    std::accumulate(shared.progress.view().begin(), shared.progress.view().end(), uint64_t{0})));
    EXPECT_GT(shared.told[0], 0u);
    shared.lock.release();
  }
  EXPECT_EQ(descriptors_without_ended_children(), descriptors_before);
  EXPECT_EQ(test::shared_memory_names(), names_before);
}

}  // namespace
}  // namespace millrace::multiprocessing::kill_test
