#include "millrace/sharing/channel/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/simple_queue.h"
#include "millrace/sharing/channel/wait.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"
#include "millrace/tests/support/usable_fork_server.h"

// Python's cases of _TestQueue and _TestSimpleQueue, named where a test is one of them. Those about the feeder thread
// have no counterpart: there is none.
namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Queue, GivesBackInOrder) {  // test_get
  Queue<int> queue;
  for (int i = 0; i < 5; ++i) queue.put(i);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue.get(), i);
}

TEST(Queue, CarriesWhatTheCodecKnows) {
  Queue<std::map<std::string, std::vector<double>>> queue;
  queue.put({{"a", {1, 2}}, {"b", {}}});
  EXPECT_THAT(queue.get().at("a"), ElementsAre(1, 2));
}

TEST(Queue, PutIntoAFullQueueThrowsFull) {  // test_put
  Queue<int> queue(6);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  queue.put(1);
  queue.put(2, std::nullopt);
  queue.put(3, milliseconds(100));
  queue.put(4, milliseconds(0));
  queue.put(5, milliseconds(-1));
  EXPECT_FALSE(queue.full());
  queue.put_nowait(6);
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(7), Full);
  EXPECT_THROW(queue.put(7, milliseconds(5)), Full);
  EXPECT_THROW(queue.put(7, milliseconds(-5)), Full);
  for (int i = 1; i <= 6; ++i) EXPECT_EQ(queue.get(), i) << "what did not fit is not in it";
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, GetFromAnEmptyQueueThrowsEmpty) {  // test_get, test_timeout
  Queue<int> queue;
  EXPECT_THROW(queue.get_nowait(), Empty);
  EXPECT_THROW(queue.get(milliseconds(5)), Empty);
  EXPECT_THROW(queue.get(milliseconds(-5)), Empty);
  queue.put(1);
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST(Queue, CountsItsMessages) {  // test_qsize
  Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0u);
  queue.put(1);
  EXPECT_EQ(queue.qsize(), 1u);
  queue.put(5);
  EXPECT_EQ(queue.qsize(), 2u);
  queue.get();
  EXPECT_EQ(queue.qsize(), 1u);
  queue.get();
  EXPECT_EQ(queue.qsize(), 0u);
}

TEST(Queue, AClosedQueueSaysSo) {  // test_closed_queue_put_get_exceptions, test_close
  Queue<int> queue(1);
  queue.close();
  EXPECT_THROW(queue.put(1), std::logic_error);
  EXPECT_THROW(queue.get(), std::logic_error);
  EXPECT_THROW(queue.get_nowait(), std::logic_error);
  EXPECT_THROW(queue.qsize(), std::logic_error);
  EXPECT_THROW(queue.empty(), std::logic_error);
  EXPECT_THROW(queue.full(), std::logic_error);
  EXPECT_THROW(encode(queue), std::logic_error);
  queue.close();
}

struct Unwilling {
  bool willing = false;
  void save(EncodeArchive& archive) const {
    if (!willing) throw std::runtime_error("not me");
    archive(willing);
  }
  void load(DecodeArchive& archive) { archive(willing); }
};

TEST(Queue, WhatCannotBeEncodedThrowsInPutAndTakesNoPlace) {  // test_queue_feeder_on_queue_feeder_error
  Queue<Unwilling> queue(1);
  EXPECT_THROW(queue.put(Unwilling{false}), std::runtime_error);
  EXPECT_TRUE(queue.empty());
  queue.put_nowait(Unwilling{true});
  EXPECT_TRUE(queue.get().willing);
}

TEST(Queue, MoreDescriptorsThanAMessageCarriesThrowInPutAndTakeNoPlace) {
  Queue<std::vector<OwnedFd>> queue(1);
  std::vector<OwnedFd> many(FdSocket::kMaxFds + 1);
  for (auto& fd : many) fd = create_memfd("many", 1);
  try {
    queue.put(many);
    ADD_FAILURE() << "it is in the queue";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("251 descriptors, the limit is 250: send them in several messages"));
    EXPECT_THAT(e.what(), HasSubstr("a queue has two"));
  }
  EXPECT_EQ(queue.qsize(), 0u);
  many.pop_back();
  queue.put_nowait(many);
  EXPECT_EQ(queue.get().size(), FdSocket::kMaxFds);
}

TEST(Queue, HasNoThreadToJoinOrToGiveUp) {
  Queue<int> queue;
  queue.put(1);
  queue.cancel_join_thread();
  queue.join_thread();
  EXPECT_EQ(queue.get(), 1);
}

TEST(QueuesByTheHundred, TakeTwoDescriptorsEachAndTravelInOneMessage) {
  const auto before = test::open_descriptors();
  {
    std::vector<Queue<int>> queues(200);
    EXPECT_LE(test::open_descriptors().size(), before.size() + 2 * queues.size() + 2);
    queues.resize(100);
    queues[99].put(7);
    multiprocessing::Process process(
        +[](std::vector<Queue<int>>& q) {
          const int got = q[99].get();
          q[98].put(got);
        },
        std::ref(queues));
    process.start();
    EXPECT_EQ(queues[98].get(test::kLong), 7);
    EXPECT_TRUE(process.join(test::kLong));
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Queue, ThatParksMessagesTakesADescriptorMoreWhileTheyAreThere) {
  Queue<std::string> queue;
  const auto before = test::open_descriptors();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) queue.put(std::string(30'000, 'x'));
    EXPECT_EQ(test::open_descriptors().size(), before.size() + 1);
    for (int i = 0; i < 100; ++i) queue.get(test::kLong);
    EXPECT_EQ(test::open_descriptors(), before);
    EXPECT_TRUE(wait({queue}, std::chrono::milliseconds(0)).empty()) << "nothing there wakes anybody";
  }
}

TEST(Queue, ThatHasParkedMessagesOnlyWakesThoseWhoWait) {
  Queue<std::string> queue;
  for (int i = 0; i < 100; ++i) queue.put(std::string(30'000, 'x'));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(wait({queue}, std::chrono::milliseconds(0)).size(), 1u) << i;
    queue.get(test::kLong);
  }
}

TEST(Queue, LeavesNoDescriptorBehind) {
  const auto use_one = [] {
    Queue<std::string> queue;
    Queue<std::string> moved = std::move(queue);
    for (int i = 0; i < 100; ++i) moved.put(std::string(100'000, 'x'));
    for (int i = 0; i < 50; ++i) moved.get();
    EXPECT_THROW(queue.get(), std::logic_error) << "moved away";
  };
  use_one();  // The memory of large messages stays, to be used again.
  const auto before = test::open_descriptors();
  use_one();
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Queue, LargeMessagesArriveWhole) {
  Queue<std::string> queue;
  for (const size_t size : {1, 65'000, 66'000, 5'000'000}) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    queue.put(text);
    EXPECT_TRUE(queue.get() == text) << size;
  }
}

TEST(Queue, PutsWithoutAnybodyWhoGets) {
  Queue<int> queue;
  constexpr int kMessages = 50'000;
  for (int i = 0; i < kMessages; ++i) queue.put(i);
  EXPECT_EQ(queue.qsize(), static_cast<size_t>(kMessages));
  EXPECT_FALSE(queue.empty());
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(queue.get(), i);
  EXPECT_TRUE(queue.empty());
  EXPECT_THROW(queue.get_nowait(), Empty);
}

TEST(Queue, PutsLargeMessagesWithoutAnybodyWhoGets) {
  Queue<std::string> queue;
  const auto message = [](int i) { return std::string(60'000 + 10'000 * (i % 2), static_cast<char>('a' + i % 26)); };
  for (int i = 0; i < 300; ++i) queue.put_nowait(message(i));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(queue.get() == message(i));
}

TEST(Queue, ABoundedQueueHoldsMoreThanASocket) {
  constexpr int kPlaces = 10'000;
  Queue<int> queue(kPlaces);
  for (int i = 0; i < kPlaces; ++i) queue.put_nowait(i);
  EXPECT_THROW(queue.put_nowait(0), Full);
  EXPECT_EQ(queue.get(), 0);
  queue.put_nowait(kPlaces);
  EXPECT_THROW(queue.put_nowait(0), Full);
  for (int i = 1; i <= kPlaces; ++i) ASSERT_EQ(queue.get(), i);
}

TEST(Queue, MessagesWithDescriptorsWaitForRoomInsteadOfBeingLost) {
  Queue<OwnedFd> queue;
  const auto memory = create_memfd("carried", 1);
  size_t sent = 0;
  EXPECT_THROW(for (;; ++sent) queue.put(memory, milliseconds(0)), Full);
  EXPECT_EQ(queue.qsize(), sent);
  for (size_t i = 0; i < sent; ++i) ASSERT_EQ(test::inode_of(queue.get().get()), test::inode_of(memory.get()));
  EXPECT_TRUE(queue.empty());
  queue.put_nowait(memory);
}

// Where a user other than root has as many descriptors on their way as it may open files, the kernel refuses more.
void meet_the_limit_of_descriptors(Queue<int>& result) {
  MILLRACE_SYSCALL(::geteuid() == 0 ? ::setresuid(64'321, 64'321, 64'321) : 0);
  rlimit limit{};
  MILLRACE_SYSCALL(::getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = 64;
  MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &limit));
  Queue<OwnedFd> queue;
  const auto memory = create_memfd("carried", 1);
  int sent = 0;
  try {
    for (; sent < 1'000; ++sent) queue.put_nowait(memory);
  } catch (const Full&) {
    result.put(sent);
  }
  for (int i = 0; i < sent; ++i) queue.get(kLong);
  queue.put(memory, kLong);
  result.put(sent);
}

TEST(Queue, WaitsWhenTheKernelAcceptsNoMoreDescriptors) {
  Queue<int> result;
  Process p(meet_the_limit_of_descriptors, std::ref(result));
  p.start();
  const int sent = result.get(kLong);
  EXPECT_LT(sent, 100);
  EXPECT_EQ(result.get(kLong), sent) << "there is room once they have been received";
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(p.exitcode(), 0);
}

// As above, then with messages that carry no descriptor of their own: a large one brings that of its memory, and the
// first one that is parked needs a file to lie in.
void meet_the_limit_without_descriptors(Queue<std::string>& outcomes) {
  MILLRACE_SYSCALL(::geteuid() == 0 ? ::setresuid(64'321, 64'321, 64'321) : 0);
  rlimit limit{};
  MILLRACE_SYSCALL(::getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = 64;
  MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &limit));
  const auto outcome_of = [](auto put) {
    timespec begin{}, end{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    const char* outcome = "taken";
    try {
      put();
    } catch (const Full&) {
      outcome = "full";
    }
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    const double used = static_cast<double>(end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec);
    return std::string(outcome) + (used < 0.5 ? "" : ", having spun");
  };
  Queue<OwnedFd> queue;
  Queue<std::string> large, parking;
  const auto memory = create_memfd("carried", 1);
  int sent = 0;
  (void)outcome_of([&] {
    for (; sent < 1'000; ++sent) queue.put_nowait(memory);
  });
  outcomes.put(outcome_of([&] { large.put(std::string(100'000, 'x'), std::chrono::seconds(1)); }));
  outcomes.put(outcome_of([&] {
    for (int i = 0; i < 200; ++i) parking.put(std::string(30'000, 'x'), std::chrono::seconds(1));
  }));
  for (int i = 0; i < sent; ++i) queue.get(kLong);
  outcomes.put(outcome_of([&] { large.put(std::string(100'000, 'x'), kLong); }));
  outcomes.put(outcome_of([&] { parking.put(std::string(30'000, 'x'), kLong); }));
}

TEST(Queue, SleepsUntilItsTimeoutWhenTheKernelAcceptsNoDescriptorOfItsOwn) {
  Queue<std::string> outcomes;
  Process p(meet_the_limit_without_descriptors, std::ref(outcomes));
  p.start();
  for (const char* expected : {"full", "full", "taken", "taken"}) EXPECT_EQ(outcomes.get(kLong), expected);
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(p.exitcode(), 0);
}

TEST(Queue, GivesOutItsLastParkedMessageAtTheLimitOfOpenFiles) {
  Queue<std::string> queue;
  constexpr int kMessages = 100;
  for (int i = 0; i < kMessages; ++i) queue.put(std::string(30'000, static_cast<char>('a' + i % 26)));
  rlimit usual{};
  MILLRACE_SYSCALL(::getrlimit(RLIMIT_NOFILE, &usual));
  const rlimit none{0, usual.rlim_max};
  MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &none));
  int got = 0;
  std::string fault;
  try {
    while (got < kMessages && queue.get(kLong)[0] == static_cast<char>('a' + got % 26)) ++got;
  } catch (const std::exception& e) {
    fault = e.what();
  }
  MILLRACE_SYSCALL(::setrlimit(RLIMIT_NOFILE, &usual));
  EXPECT_EQ(got, kMessages) << fault;
  EXPECT_TRUE(queue.empty());
}

// Stops a process at random moments until it is stopped while it has the mutex.
template <template <class> class SomeQueue>
void expect_empty_in_time_beside_a_stopped_process() {
  const test::Watchdog watchdog("get() with a timeout, beside a stopped process", std::chrono::seconds(60));
  SomeQueue<std::string> queue(500);
  Process p(
      +[](SomeQueue<std::string>& mine) {
        for (;;) mine.put(std::string(60'000, 'x'));
      },
      std::ref(queue));
  p.start();
  const auto get_all = [&] {
    try {
      for (;;) (void)queue.get(milliseconds(20));
    } catch (const Empty&) {
    }
  };
  auto random = test::seeded_generator();
  bool had_the_mutex = false;
  for (int i = 0; i < 100 && !had_the_mutex; ++i) {
    for (int n = 0; n < 10; ++n) (void)queue.get(kLong);
    while (!queue.full() && queue.qsize() < 200) std::this_thread::yield();  // So that some are parked.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));
    ::kill(*p.pid(), SIGSTOP);
    while (test::process_state(*p.pid()) != 'T') std::this_thread::yield();
    get_all();
    had_the_mutex = !queue.empty();
    ::kill(*p.pid(), SIGCONT);
  }
  p.kill();
  EXPECT_TRUE(p.join(kLong));
  if (!had_the_mutex) GTEST_SKIP() << "it was never stopped while it had the mutex";
}

TEST(Queue, GetEndsAtItsTimeoutBesideAStoppedProcess) { expect_empty_in_time_beside_a_stopped_process<Queue>(); }
TEST(JoinableQueue, GetEndsAtItsTimeoutBesideAStoppedProcess) {
  expect_empty_in_time_beside_a_stopped_process<JoinableQueue>();
}

TEST(Queue, BehavesAsADequeWhateverTheOrderOfCalls) {
  auto random = test::seeded_generator();
  for (const size_t maxsize : {0, 1, 3, 100}) {
    Queue<std::string> queue(maxsize);
    std::deque<std::string> model;
    for (int step = 0; step < 3'000; ++step) {
      // Long runs of puts fill the socket, so that messages get parked.
      const bool putting = random() % 100 < (step / 300 % 2 ? 80u : 20u);
      if (putting) {
        const std::string text(random() % 2 ? random() % 100 : random() % 70'000, static_cast<char>('a' + step % 26));
        if (maxsize > 0 && model.size() == maxsize) {
          ASSERT_THROW(queue.put_nowait(text), Full);
        } else {
          queue.put_nowait(text);
          model.push_back(text);
        }
      } else if (model.empty()) {
        ASSERT_THROW(queue.get_nowait(), Empty);
      } else {
        ASSERT_TRUE(queue.get_nowait() == model.front());
        model.pop_front();
      }
      ASSERT_EQ(queue.qsize(), model.size());
      ASSERT_EQ(queue.empty(), model.empty());
      ASSERT_EQ(queue.full(), maxsize > 0 && model.size() == maxsize);
    }
  }
}

TEST(Queue, GetWakesUpForAMessage) {
  Queue<int> queue;
  std::thread putter([&] { queue.put(1); });
  EXPECT_EQ(queue.get(), 1);
  putter.join();
}

TEST(Queue, FullAndEmptyComeAfterTheTimeoutAndNotBefore) {  // test_timeout
  constexpr milliseconds kTimeout(60);
  Queue<int> queue(1);
  const auto waited = [](auto call) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    return std::chrono::steady_clock::now() - begin;
  };
  EXPECT_GE(waited([&] { EXPECT_THROW(queue.get(kTimeout), Empty); }), kTimeout);
  queue.put(1);
  EXPECT_GE(waited([&] { EXPECT_THROW(queue.put(2, kTimeout), Full); }), kTimeout);
  EXPECT_EQ(queue.get(), 1);
  queue.put(3, kTimeout);
  EXPECT_EQ(queue.get(kTimeout), 3);
}

TEST(Queue, PutWakesUpForAPlace) {
  Queue<int> queue(1);
  queue.put(0);
  std::thread getter([&] { EXPECT_EQ(queue.get(), 0); });
  queue.put(1);
  getter.join();
  EXPECT_EQ(queue.get(), 1);
}

// Every message carries who put it and its number there.
class QueueThreads : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(MaxSize, QueueThreads, testing::Values(0, 1, 7));

TEST_P(QueueThreads, PutAndGetEveryMessageOnceAndInEachOnesOrder) {
  constexpr int kPutters = 3, kGetters = 3, kMessages = 1'000;
  Queue<std::pair<int, int>> queue(GetParam());
  std::vector<std::vector<std::pair<int, int>>> got(kGetters);
  std::vector<std::thread> putters, getters;
  for (int who = 0; who < kPutters; ++who)
    putters.emplace_back([&, who] {
      for (int n = 0; n < kMessages; ++n) queue.put({who, n});
    });
  for (auto& mine : got)
    getters.emplace_back([&] {
      for (auto message = queue.get(); message.first >= 0; message = queue.get()) mine.push_back(message);
    });
  for (auto& thread : putters) thread.join();
  for (int i = 0; i < kGetters; ++i) queue.put({-1, 0});
  for (auto& thread : getters) thread.join();
  std::vector<std::pair<int, int>> all, expected;
  for (const auto& mine : got) {
    std::map<int, int> last;
    for (const auto& [who, n] : mine) {
      EXPECT_GE(n, last[who]) << "of one putter a getter sees rising numbers";
      last[who] = n;
    }
    all.insert(all.end(), mine.begin(), mine.end());
  }
  for (int who = 0; who < kPutters; ++who)
    for (int n = 0; n < kMessages; ++n) expected.emplace_back(who, n);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, expected);
  EXPECT_EQ(queue.qsize(), 0u);
}

TEST(Queue, ThreadsPutAndGetWhileMessagesAreParked) {
  constexpr int kMessages = 400;
  Queue<std::string> queue;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kMessages; ++i) queue.put_nowait(std::string(50'000, 'x'));
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kMessages; ++i) EXPECT_EQ(queue.get().size(), 50'000u);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, CarriesQueuesAndPipes) {
  Queue<Queue<int>> queues;
  Queue<int> inner;
  queues.put(inner);
  auto received = queues.get();
  received.put(3);
  EXPECT_EQ(inner.get(), 3);
  Queue<Connection> connections;
  auto [a, b] = Pipe();
  connections.put(b);
  connections.get().send(4);
  EXPECT_EQ(a.recv<int>(), 4);
}

TEST(SimpleQueue, GivesBackInOrderAndKnowsWhenItIsEmpty) {  // test_empty
  SimpleQueue<int> queue;
  EXPECT_TRUE(queue.empty());
  for (int i = 0; i < 3; ++i) queue.put(i);
  EXPECT_FALSE(queue.empty());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.get(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(SimpleQueue, MayBeClosedTwice) {  // test_close
  SimpleQueue<int> queue;
  queue.close();
  queue.close();
  EXPECT_THROW(queue.get(), std::logic_error);
  EXPECT_THROW(queue.put(1), std::logic_error);
  EXPECT_THROW(queue.empty(), std::logic_error);  // test_empty_exceptions
}

class QueueProcesses : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, QueueProcesses, test::every_start_method(), test::start_method_name);

void put_number(int x, Queue<int>& queue) { queue.put(x); }

TEST_P(QueueProcesses, PutWhatTheirParentGets) {
  Queue<int> queue;
  Process p(GetParam(), put_number, 1, std::ref(queue));
  p.start();
  EXPECT_TRUE(p.join(kLong)) << "a process may end before its messages are read";
  EXPECT_EQ(queue.get(kLong), 1);
}

TEST_P(QueueProcesses, GetWhatTheirParentPut) {  // test_put, test_get
  Queue<std::string> queue(2), answers;
  Process p(
      GetParam(),
      +[](Queue<std::string>& in, Queue<std::string>& out) {
        for (auto text = in.get(); !text.empty(); text = in.get()) out.put(text + text);
        out.put(in.empty() ? "empty" : "not empty");
      },
      std::ref(queue), std::ref(answers));
  p.start();
  for (const auto* text : {"a", "b", "c", ""}) queue.put(text);
  for (const auto* text : {"aa", "bb", "cc", "empty"}) EXPECT_EQ(answers.get(kLong), text);
  EXPECT_TRUE(p.join(kLong));
}

TEST_P(QueueProcesses, AppendToWhatIsThere) {  // test_fork
  Queue<int> queue;
  for (int i = 0; i < 10; ++i) queue.put(i);
  Process p(
      GetParam(),
      +[](Queue<int>& mine) {
        for (int i = 10; i < 20; ++i) mine.put(i);
      },
      std::ref(queue));
  p.start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(queue.get(kLong), i);
  EXPECT_THROW(queue.get_nowait(), Empty);
  EXPECT_TRUE(p.join(kLong));
}

TEST_P(QueueProcesses, HandTheQueueToProcessesOfTheirOwn) {  // test_nested_startmethod, test_queue_in_process
  Queue<int> queue;
  Process p(
      GetParam(),
      +[](StartMethod own, Queue<int>& mine) {
        mine.put(2);
        for (const auto method : {own, StartMethod::kFork}) {
          Process inner(method, put_number, 1, std::ref(mine));
          inner.start();
          if (!inner.join(kLong) || inner.exitcode() != 0) throw std::runtime_error("the inner process failed");
        }
      },
      GetParam(), std::ref(queue));
  p.start();
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(p.exitcode(), 0);
  for (const int put : {2, 1, 1}) EXPECT_EQ(queue.get_nowait(), put);
}

TEST_P(QueueProcesses, ShareTheBound) {
  Queue<int> queue(3);
  Queue<bool> answers;
  Process p(
      GetParam(),
      +[](Queue<int>& mine, Queue<bool>& out) {
        while (!mine.full()) mine.put_nowait(1);
        out.put(true);
        mine.put(2);  // Waits for a place.
        out.put(true);
      },
      std::ref(queue), std::ref(answers));
  p.start();
  answers.get(kLong);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.qsize(), 3u);
  EXPECT_THROW(answers.get_nowait(), Empty);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_TRUE(answers.get(kLong));
  EXPECT_TRUE(p.join(kLong));
  for (const int expected : {1, 1, 2}) EXPECT_EQ(queue.get(kLong), expected);
}

TEST_P(QueueProcesses, LeaveDescriptorsBehindThatWork) {
  Queue<OwnedFd> queue;
  Process p(GetParam(), +[](Queue<OwnedFd>& mine) { mine.put(create_memfd("left behind", 777)); }, std::ref(queue));
  p.start();
  EXPECT_TRUE(p.join(kLong));
  EXPECT_EQ(sealed_size(queue.get(kLong).get()), 777u);
}

TEST_P(QueueProcesses, LeaveMoreMessagesThanASocketHolds) {
  Queue<std::vector<int>> queue;
  Process p(
      GetParam(),
      +[](Queue<std::vector<int>>& mine) {
        for (int i = 0; i < 500; ++i) mine.put(std::vector<int>(5'000, i));
      },
      std::ref(queue));
  p.start();
  EXPECT_TRUE(p.join(kLong)) << "Python's would wait for its feeder thread";
  for (int i = 0; i < 500; ++i) ASSERT_EQ(queue.get(kLong), std::vector<int>(5'000, i));
}

TEST_P(QueueProcesses, ManyPutAndGet) {
  Queue<int> tasks(5), results;
  std::vector<Process> processes;
  for (int i = 0; i < 3; ++i) {
    processes.emplace_back(
        GetParam(),
        +[](Queue<int>& in, Queue<int>& out) {
          for (int task = in.get(); task != 0; task = in.get()) out.put(task * task);
        },
        std::ref(tasks), std::ref(results));
    processes.back().start();
  }
  int64_t expected = 0, sum = 0;
  for (int i = 1; i <= 200; ++i) {
    tasks.put(i);
    expected += i * i;
  }
  for (int i = 0; i < 3; ++i) tasks.put(0);
  for (int i = 1; i <= 200; ++i) sum += results.get(kLong);
  EXPECT_EQ(sum, expected);
  for (auto& process : processes) EXPECT_TRUE(process.join(kLong));
}

}  // namespace
}  // namespace millrace::multiprocessing
