#include "millrace/sharing/channel/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/simple_queue.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

// Python's cases of TestWait, named where a test is one of them.
namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Wait, GivesAllThatAreReady) {  // test_wait_integer
  auto [a, b] = Pipe();
  auto [c, d] = Pipe();
  Queue<int> queue;
  SimpleQueue<int> simple;
  JoinableQueue<int> joinable;
  const EventFd event;
  const auto ready = [&] { return wait({b, d, queue, simple, joinable, event, b.fileno()}, milliseconds(0)); };
  EXPECT_THAT(ready(), IsEmpty());
  c.send(1);
  EXPECT_THAT(ready(), ElementsAre(1));
  queue.put(1);
  EXPECT_THAT(ready(), ElementsAre(1, 2));
  event.signal();
  simple.put(1);
  joinable.put(1);
  EXPECT_THAT(ready(), ElementsAre(1, 2, 3, 4, 5));
  a.send(1);
  d.recv<int>();
  EXPECT_THAT(ready(), ElementsAre(0, 2, 3, 4, 5, 6));
}

TEST(Wait, WakesUpForAMessage) {
  auto [a, b] = Pipe();
  Queue<int> queue;
  std::thread sender([&, &end = a] { end.send(1); });
  EXPECT_THAT(wait({queue, b}), ElementsAre(1));
  sender.join();
  std::thread putter([&] { queue.put(1); });
  EXPECT_THAT(wait({queue}, kLong), ElementsAre(0));
  putter.join();
}

TEST(Wait, SeesEndOfFile) {
  auto [a, b] = Pipe();
  a.close();
  EXPECT_THAT(wait({b}, kLong), ElementsAre(0));
}

TEST(Wait, GivesNothingAtTheTimeout) {  // test_wait_timeout, test_neg_timeout
  auto [a, b] = Pipe();
  EXPECT_THAT(wait({a, b}, milliseconds(3)), IsEmpty());
  EXPECT_THAT(wait({a, b}, milliseconds(-1)), IsEmpty());
  EXPECT_THAT(wait({}, milliseconds(1)), IsEmpty());
}

TEST(Wait, RefusesToWaitForNothingForEver) { EXPECT_THROW(wait({}), std::invalid_argument); }

class WaitProcesses : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, WaitProcesses, test::every_start_method(), test::start_method_name);

TEST_P(WaitProcesses, CollectsTheMessagesOfManyUntilAllHaveEnded) {  // test_wait, test_wait_slow
  constexpr int kProcesses = 3, kMessages = 10;
  std::vector<Connection> readers;
  std::vector<Process> processes;
  for (int i = 0; i < kProcesses; ++i) {
    auto [reader, writer] = Pipe(false);
    processes.emplace_back(
        GetParam(),
        +[](Connection end, int id) {
          for (int n = 0; n < kMessages; ++n) end.send(n, id);
        },
        std::move(writer), i);
    readers.push_back(std::move(reader));
    processes.back().start();
  }
  std::vector<std::pair<int, int>> messages, expected;
  while (!readers.empty()) {
    const std::vector<Waitable> waitables(readers.begin(), readers.end());
    const auto ready = wait(waitables, kLong);
    ASSERT_THAT(ready, testing::Not(IsEmpty()));
    try {
      const auto [n, id] = readers[ready[0]].recv<int, int>();
      messages.emplace_back(n, id);
    } catch (const EndOfFile&) {
      readers.erase(readers.begin() + static_cast<ptrdiff_t>(ready[0]));
      // A process made by fork holds the ends of those before it open.
    }
    if (GetParam() == StartMethod::kFork && messages.size() == kProcesses * kMessages) break;
  }
  for (auto& process : processes) EXPECT_TRUE(process.join(kLong));
  for (int n = 0; n < kMessages; ++n)
    for (int id = 0; id < kProcesses; ++id) expected.emplace_back(n, id);
  std::sort(messages.begin(), messages.end());
  EXPECT_EQ(messages, expected);
}

TEST_P(WaitProcesses, SeesTheirEndAndTheirMessages) {  // test_wait_integer: a sentinel among connections
  auto [a, b] = Pipe();
  Process p(GetParam(), +[](Connection end) { end.send(end.recv<int>()); }, std::move(b));
  p.start();
  EXPECT_THAT(wait({p, a}, milliseconds(0)), IsEmpty());
  a.send(1);
  EXPECT_THAT(wait({a}, kLong), ElementsAre(0));
  EXPECT_THAT(wait({p}, kLong), ElementsAre(0));
  EXPECT_THAT(wait({p, a}, kLong), ElementsAre(0, 1));
  EXPECT_TRUE(p.join(kLong));
}

}  // namespace
}  // namespace millrace::multiprocessing
