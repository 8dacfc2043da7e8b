#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/memory/shared_heap.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"

// Processes killed at random moments within put, get, send and recv, 2,000 in all; `make soak` repeats that.
// What must hold afterwards: nobody hangs (a watchdog of 5 seconds a kill), no message whose put() or send() had
// returned is lost but by a killed receiver, which loses one, no message is torn or comes twice, a bounded queue has
// its places, and no descriptor is left.
namespace millrace::multiprocessing {
namespace {

using test::kLong;

constexpr int kKills = 250;  // In each test.

// Counters that survive their process.
class Counters {
 public:
  explicit Counters(size_t count = 0)
      : segment_(SharedSegment::create("counters", (count + 1) * sizeof(uint64_t), "")),
        memory_(segment_, Access::kReadWrite) {}

  std::atomic<uint64_t>& operator[](size_t i) const {
    return reinterpret_cast<std::atomic<uint64_t>*>(memory_.data())[i];
  }

  void save(EncodeArchive& archive) const { archive.attach(segment_.fd()); }
  void load(DecodeArchive& archive) {
    segment_ = SharedSegment::adopt(archive.detach());
    memory_ = MappedSegment(segment_, Access::kReadWrite);
  }

 private:
  SharedSegment segment_;
  MappedSegment memory_;
};

// A message that shows who put it, which one it is, and whether it is whole.
struct Numbered {
  uint64_t putter = 0;
  uint64_t number = 0;
  std::vector<uint64_t> filling;
  std::vector<OwnedFd> beside;

  static Numbered make(uint64_t putter, uint64_t number, size_t words) {
    Numbered message{putter, number, std::vector<uint64_t>(words, number), {}};
    if (number % 16 == 3) message.beside.push_back(create_memfd("beside", 1));
    return message;
  }

  bool whole() const {
    for (const uint64_t word : filling)
      if (word != number) return false;
    return beside.size() == (number % 16 == 3);
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(putter, number, filling, beside);
  }
};

// Small ones, ones that fill a socket soon, and ones that travel in a memfd.
constexpr std::array<size_t, 4> kWords = {1, 1'000, 7'000, 10'000};

template <class... Arguments>
Child start(ChildEntry entry, const Arguments&... arguments) {
  const auto encoded = encode(arguments...);
  return start_child(StartMethod::kForkServer, {entry, encoded.bytes, encoded.fd_numbers(), "victim"});
}

void spend_a_random_time(std::mt19937_64& random) {
  for (volatile uint64_t spin = random() % 20'000; spin > 0;) spin = spin - 1;
}

void kill_and_bury(Child& child) {
  child.kill(SIGKILL);
  const auto status = child.wait(kLong);
  ASSERT_TRUE(status) << "its death was not reported";
  EXPECT_EQ(status->signal(), SIGKILL);
}

// Descriptors of this process before and after, the fork server being connected both times. The segments that the heap
// keeps for large messages to come are not counted; their number is bounded (memory/shared_heap.h).
class DescriptorsStay {
 public:
  DescriptorsStay() {
    // A server that was killed is noticed, and replaced, when it is asked for a child.
    const ChildEntry nothing = [](std::span<const std::byte>, std::vector<OwnedFd>) { return 0; };
    start_child(StartMethod::kForkServer, {nothing, {}, {}, "nothing"}).wait(kLong);
    before_ = count();
  }
  ~DescriptorsStay() { EXPECT_EQ(count(), before_); }

 private:
  static size_t count() {
    const auto heap = SharedHeap::instance().counts();
    return test::open_descriptors().size() - heap.own_segments - heap.borrowed_segments;
  }

  size_t before_;
};

void expect_all_places(Queue<Numbered>& queue, size_t maxsize) {
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.qsize(), 0u);
  if (maxsize == 0) return;
  for (size_t i = 0; i < maxsize; ++i) EXPECT_NO_THROW(queue.put_nowait({})) << "place " << i << " did not come back";
  EXPECT_THROW(queue.put_nowait({}), Full);
  for (size_t i = 0; i < maxsize; ++i) queue.get_nowait();
}

class KillInQueue : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(MaxSize, KillInQueue, testing::Values(0, 1, 4));

// Puts numbered messages for ever; counts those of which put() has returned.
int put_for_ever(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  DecodeArchive arguments(bytes, fds);
  Queue<Numbered> queue;
  Counters acknowledged;
  uint64_t putter = 0;
  size_t words = 0;
  arguments(queue, acknowledged, putter, words);
  for (uint64_t number = 0;; ++number) {
    queue.put(Numbered::make(putter, number, words));
    acknowledged[putter] = number + 1;
  }
}

TEST_P(KillInQueue, PuttersLeaveWholeMessagesAndAllThatWereAcknowledged) {
  const int total = kKills;
  const DescriptorsStay descriptors_stay;
  auto random = test::seeded_generator();
  Queue<Numbered> queue(GetParam());
  const Counters acknowledged(static_cast<size_t>(total) + 2);
  std::vector<uint64_t> received(static_cast<size_t>(total) + 2);
  uint64_t putters = 0;
  const auto start_putter = [&] {
    return start(put_for_ever, queue, acknowledged, putters++, kWords[random() % kWords.size()]);
  };
  const auto take = [&](const Numbered& message) {
    ASSERT_TRUE(message.whole());
    ASSERT_EQ(message.number, received[message.putter]++) << "of putter " << message.putter;
  };
  // Two, so that one finds what the other left.
  std::array<Child, 2> children = {start_putter(), start_putter()};
  std::array<uint64_t, 2> names = {0, 1};
  for (int kill = 0; kill < total; ++kill) {
    const test::Watchdog watchdog("a queue whose putters are killed", std::chrono::seconds(5));
    const size_t victim = random() % 2;
    // Behind nobody who gets, an unbounded queue's putters fill the socket and park.
    for (uint64_t some = random() % 12; some > 0; --some) take(queue.get(kLong));
    spend_a_random_time(random);
    kill_and_bury(children[victim]);
    names[victim] = putters;
    children[victim] = start_putter();
    // The rest of what it put, and what the other adds meanwhile.
    const size_t waiting = queue.qsize();
    for (size_t i = 0; i < waiting && i < 300; ++i) {
      if (queue.empty()) break;
      take(queue.get(kLong));
    }
    if (HasFatalFailure()) break;
  }
  for (auto& child : children) kill_and_bury(child);
  const test::Watchdog watchdog("a queue whose putters have been killed", std::chrono::seconds(20));
  while (!queue.empty()) take(queue.get(kLong));
  uint64_t messages = 0;
  for (size_t putter = 0; putter < putters; ++putter) {
    messages += received[putter];
    EXPECT_GE(received[putter], acknowledged[putter]) << "an acknowledged message is lost";
    EXPECT_LE(received[putter], acknowledged[putter] + 1);
  }
  expect_all_places(queue, GetParam());
  std::printf("%d putters killed, %llu messages\n", total + 2, static_cast<unsigned long long>(messages));
}

// Counts every message it gets, and those that are torn in the first counter.
int get_for_ever(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  DecodeArchive arguments(bytes, fds);
  Queue<Numbered> queue;
  Counters seen;
  arguments(queue, seen);
  for (;;) {
    const auto message = queue.get();
    ++seen[message.whole() ? 1 + message.number : 0];
  }
}

TEST_P(KillInQueue, GettersLoseTheirOwnMessageAtMost) {
  const int total = kKills;
  const auto per_kill = uint64_t{40};
  const DescriptorsStay descriptors_stay;
  auto random = test::seeded_generator();
  Queue<Numbered> queue(GetParam());
  const uint64_t messages = per_kill * static_cast<uint64_t>(total);
  const Counters seen(messages + 1);
  std::array<Child, 2> children = {start(get_for_ever, queue, seen), start(get_for_ever, queue, seen)};
  uint64_t number = 0;
  for (int kill = 0; kill < total; ++kill) {
    const test::Watchdog watchdog("a queue whose getters are killed", std::chrono::seconds(5));
    const size_t words = kWords[random() % kWords.size()];
    const uint64_t at = random() % per_kill;
    for (uint64_t i = 0; i < per_kill; ++i, ++number) {
      queue.put(Numbered::make(0, number, words), kLong);
      if (i != at) continue;
      spend_a_random_time(random);
      auto& victim = children[random() % 2];
      kill_and_bury(victim);
      victim = start(get_for_ever, queue, seen);
    }
  }
  {
    const test::Watchdog watchdog("a queue whose getters have been killed", std::chrono::seconds(20));
    while (!queue.empty()) std::this_thread::yield();
  }
  for (auto& child : children) kill_and_bury(child);
  uint64_t lost = 0, twice = 0;
  for (uint64_t i = 1; i <= messages; ++i) {
    lost += seen[i] == 0;
    twice += seen[i] > 1;
  }
  EXPECT_EQ(seen[0], 0u) << "torn";
  EXPECT_EQ(twice, 0u);
  EXPECT_LE(lost, static_cast<uint64_t>(total) + children.size());
  expect_all_places(queue, GetParam());
  std::printf("%d getters killed, %llu of %llu messages lost with them\n", total + 2,
              static_cast<unsigned long long>(lost), static_cast<unsigned long long>(messages));
}

// Sends numbered messages and receives the answers, for ever.
int converse(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  DecodeArchive arguments(bytes, fds);
  Connection connection;
  Counters acknowledged;
  size_t words = 0;
  arguments(connection, acknowledged, words);
  for (uint64_t number = 0;; ++number) {
    connection.send(Numbered::make(0, number, words));
    acknowledged[0] = number + 1;
    if (number % 3 == 2 && !connection.recv<Numbered>().whole()) return 1;
  }
}

TEST(KillInPipe, SpeakersLeaveWholeMessagesAndThenEndOfFile) {
  const int total = kKills;
  const DescriptorsStay descriptors_stay;
  auto random = test::seeded_generator();
  for (int kill = 0; kill < total; ++kill) {
    const test::Watchdog watchdog("a pipe whose other end is killed", std::chrono::seconds(5));
    auto [ours, theirs] = Pipe();
    const Counters acknowledged(1);
    const size_t words = kWords[random() % kWords.size()];
    auto child = start(converse, theirs, acknowledged, words);
    theirs.close();
    uint64_t received = 0;
    const auto take = [&, &end = ours] {
      const auto message = end.recv<Numbered>();
      ASSERT_TRUE(message.whole());
      ASSERT_EQ(message.number, received++);
    };
    for (uint64_t some = random() % 20; some > 0; --some) {
      take();
      if (received % 3 == 0) ours.send(Numbered::make(1, received, words));
    }
    spend_a_random_time(random);
    kill_and_bury(child);
    try {
      for (;;) take();
    } catch (const EndOfFile&) {
      EXPECT_GE(received, acknowledged[0]);
      EXPECT_LE(received, acknowledged[0] + 1);
    }
    EXPECT_THROW(ours.send(1), PeerGone);
  }
}

int work_for_ever(std::span<const std::byte> bytes, std::vector<OwnedFd> fds) {
  DecodeArchive arguments(bytes, fds);
  JoinableQueue<uint64_t> tasks;
  Counters done;
  arguments(tasks, done);
  for (;;) {
    const uint64_t task = tasks.get();
    ++done[task];
    tasks.task_done();
  }
}

TEST(KillInJoinableQueue, JoinEndsAndCountsTheTasksThatWereLost) {
  const int total = kKills;
  const DescriptorsStay descriptors_stay;
  auto random = test::seeded_generator();
  JoinableQueue<uint64_t> tasks;
  constexpr uint64_t kTasks = 30;
  const Counters done(kTasks * static_cast<uint64_t>(total));
  std::array<Child, 2> children = {start(work_for_ever, tasks, done), start(work_for_ever, tasks, done)};
  uint64_t task = 0, lost = 0;
  for (int kill = 0; kill < total; ++kill) {
    const test::Watchdog watchdog("a join() whose workers are killed", std::chrono::seconds(5));
    for (uint64_t i = 0; i < kTasks; ++i) tasks.put(task++);
    spend_a_random_time(random);
    auto& victim = children[random() % 2];
    kill_and_bury(victim);
    victim = start(work_for_ever, tasks, done);
    uint64_t lost_now = 0;
    for (bool joined = false; !joined;) {
      try {
        tasks.join(kLong);
        joined = true;
      } catch (const TasksLost& e) {
        lost_now += e.count();
      }
    }
    EXPECT_LE(lost_now, 1u) << "one process holds one task";
    lost += lost_now;
  }
  for (auto& child : children) kill_and_bury(child);
  uint64_t missing = 0;
  for (uint64_t i = 0; i < task; ++i) {
    missing += done[i] == 0;
    EXPECT_LE(done[i], 1u);
  }
  EXPECT_LE(missing, lost) << "a task that nobody did was not reported";
  std::printf("%d workers killed, %llu tasks lost with them\n", total + 2, static_cast<unsigned long long>(lost));
}

}  // namespace
}  // namespace millrace::multiprocessing
