// Every call that takes a time, with the times that mean for ever and with zero.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/channel/wait.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/process/spawn.h"
#include "millrace/sharing/sync/barrier.h"
#include "millrace/sharing/sync/condition.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::multiprocessing::for_ever_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Long enough for a call that gives up to have done so; one that waits is seen to, however slow the machine.
constexpr milliseconds kWhile{30};

// True when what was waited for came, false when the call gave up.
template <class Wait>
bool came(Wait&& wait) {
  try {
    return wait();
  } catch (const TimeoutError&) {
    return false;
  } catch (const Empty&) {
    return false;
  } catch (const Full&) {
    return false;
  } catch (const BrokenBarrier&) {
    return false;
  }
}

// `wait(duration)` is the call, `let_come()` makes happen what it waits for.
template <class Wait>
void expect_waits(const char* call, Wait wait, const std::function<void()>& let_come) {
  const auto waits = [&](const char* time, auto duration) {
    auto waiting = std::async(std::launch::async, [&] { return came([&] { return wait(duration); }); });
    EXPECT_EQ(waiting.wait_for(kWhile), std::future_status::timeout) << call << ", " << time;
    let_come();
    EXPECT_TRUE(waiting.get()) << call << ", " << time;
  };
  EXPECT_FALSE(came([&] { return wait(nanoseconds(0)); })) << call << ", zero";
  EXPECT_FALSE(came([&] { return wait(milliseconds::min()); })) << call << ", less than zero";
  waits("milliseconds::max()", milliseconds::max());
  waits("nanoseconds::max()", nanoseconds::max());
  waits("hours::max()", hours::max());
  waits("400 years", std::chrono::years(400));
}

int until_word(const OwnedFd& fd) {
  char word = 0;
  return static_cast<int>(::read(fd.get(), &word, 1));
}

class ForEver : public testing::Test {
 protected:
  // One word ends one until_word().
  void say() { EXPECT_EQ(::write(words.second.get(), "w", 1), 1); }

  static std::pair<OwnedFd, OwnedFd> pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {OwnedFd(ends[0]), OwnedFd(ends[1])};
  }

  std::pair<OwnedFd, OwnedFd> words = pipe();
  const test::Watchdog watchdog{"a call with a time", std::chrono::seconds(60)};
};

TEST_F(ForEver, PoolsResultsAreWaitedFor) {
  Pool pool(1);
  // A call a try, made when it is tried: zero's and the negative's are still there for what comes first.
  std::optional<AsyncResult<int>> result;
  const auto submit = [&] {
    if (!result || result->ready()) result = pool.apply_async(until_word, OwnedFd(::dup(words.first.get())));
  };
  const auto let_come = [&] { say(); };
  expect_waits("AsyncResult::get", [&](auto time) { return submit(), result->get(time) == 1; }, let_come);
  expect_waits("AsyncResult::wait", [&](auto time) { return submit(), result->wait(time); }, let_come);
  std::vector<OwnedFd> items;
  for (int i = 0; i < 6; ++i) items.emplace_back(::dup(words.first.get()));
  auto results = pool.imap(until_word, items);
  expect_waits("ImapResults::next", [&](auto time) { return results.next(time) == 1; }, let_come);
}

TEST_F(ForEver, ProcessesAreWaitedFor) {
  const auto start = [&] {
    Process process([](const OwnedFd& fd) { until_word(fd); }, OwnedFd(::dup(words.first.get())));
    process.start();
    return process;
  };
  Process process = start();
  const auto again = [&] {
    if (!process.is_alive()) process = start();
  };
  expect_waits("Process::join", [&](auto time) { return again(), process.join(time); }, [&] { say(); });
  std::optional<ProcessContext> context;
  const auto started = [&]() -> ProcessContext& {
    if (!context || !context->processes()[0].is_alive()) {
      const auto run = [](int, const OwnedFd& fd) { until_word(fd); };
      context = start_processes(run, {OwnedFd(::dup(words.first.get()))}, 1);
    }
    return *context;
  };
  expect_waits("ProcessContext::join", [&](auto time) { return started().join(time); }, [&] { say(); });
}

TEST_F(ForEver, ChannelsAreWaitedFor) {
  Queue<int> queue;
  expect_waits("Queue::get", [&](auto time) { return queue.get(time) == 1; }, [&] { queue.put(1); });
  Queue<int> full(1);
  full.put(1);
  expect_waits("Queue::put", [&](auto time) { return full.put(1, time), true; }, [&] { full.get(); });
  JoinableQueue<int> tasks;
  expect_waits("JoinableQueue::get", [&](auto time) { return tasks.get(time) == 1; }, [&] { tasks.put(1); });
  const auto join = [&](auto time) {
    tasks.join(time);
    tasks.put(1);  // For the next.
    return true;
  };
  for (int i = 0; i < 3; ++i) tasks.task_done();  // Of the four that were got.
  expect_waits("JoinableQueue::join", join, [&] {
    tasks.task_done();
    if (!tasks.empty()) tasks.get();
  });
  auto [ours, theirs] = Pipe();
  const auto poll = [&, &end = ours](auto time) { return end.poll(time) && end.recv<int>() == 1; };
  expect_waits("Connection::poll", poll, [&, &end = theirs] { end.send(1); });
  expect_waits(
      "wait", [&, &end = ours](auto time) { return !wait({end}, time).empty() && end.recv<int>() == 1; },
      [&, &end = theirs] { end.send(1); });
}

TEST_F(ForEver, WhatProcessesShareIsWaitedFor) {
  Event event;
  const auto wait_and_clear = [&](auto time) {
    const bool set = event.wait(time);
    event.clear();
    return set;
  };
  expect_waits("Event::wait", wait_and_clear, [&] { event.set(); });
  Semaphore semaphore(0);
  expect_waits(
      "Semaphore::acquire", [&](auto time) { return semaphore.acquire(time) == Acquired::kYes; },
      [&] { semaphore.release(); });
  Barrier barrier(2);
  const auto meet = [&](auto time) {
    if (Timeout(time) && *Timeout(time) == nanoseconds(0)) return false;  // Breaks it, as documented.
    return barrier.wait(time), true;
  };
  expect_waits("Barrier::wait", meet, [&] { barrier.wait(); });
  Condition condition;
  bool is_so = false;
  const auto wait_until_so = [&](auto time) {
    const std::lock_guard lock(condition);
    const bool was_so = condition.wait_for([&] { return is_so; }, time);
    is_so = false;
    return was_so;
  };
  expect_waits("Condition::wait_for", wait_until_so, [&] {
    const std::lock_guard lock(condition);
    is_so = true;
    condition.notify_all();
  });
  // A lock is let go by the thread that holds it.
  Lock lock;
  Event held, let_go;
  std::vector<std::thread> holders;
  const auto hold = [&] {
    held.clear();
    holders.emplace_back([&] {
      const std::lock_guard guard(lock);
      held.set();
      let_go.wait();
      let_go.clear();
    });
    held.wait();
  };
  hold();
  const auto acquire = [&](auto time) {
    if (lock.acquire(time) != Acquired::kYes) return false;
    lock.release();
    hold();
    return true;
  };
  expect_waits("Lock::acquire", acquire, [&] { let_go.set(); });
  let_go.set();
  for (auto& holder : holders) holder.join();
}

TEST(TimeoutType, TakesEveryDurationWithoutComingRound) {
  EXPECT_FALSE(Timeout(std::nullopt));
  EXPECT_FALSE(Timeout(milliseconds::max()));
  EXPECT_FALSE(Timeout(std::chrono::years::max()));
  EXPECT_FALSE(Timeout(std::chrono::duration<double>(1e300)));
  EXPECT_EQ(*Timeout(hours::min()), nanoseconds(0));
  EXPECT_EQ(*Timeout(milliseconds(-5)), nanoseconds(0));
  EXPECT_EQ(*Timeout(std::chrono::duration<double>(0.25)), milliseconds(250));
  EXPECT_EQ(*Timeout(hours(24 * 364)), hours(24 * 364));
  EXPECT_FALSE(Timeout(std::optional<milliseconds>()));
}

}  // namespace
}  // namespace millrace::multiprocessing::for_ever_test
