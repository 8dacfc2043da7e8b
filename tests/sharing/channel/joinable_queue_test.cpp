#include "millrace/sharing/channel/joinable_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "millrace/sharing/process/process.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

// Python's test_task_done, and what becomes of tasks whose process dies.
namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(JoinableQueue, JoinReturnsAtOnceWhenNothingWasPut) {
  JoinableQueue<int> queue;
  queue.join();
}

TEST(JoinableQueue, JoinWaitsForTheTaskDoneOfEveryMessage) {
  JoinableQueue<int> queue;
  queue.put(1);
  queue.put(2);
  EXPECT_THROW(queue.join(milliseconds(2)), TimeoutError);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get(), 2);
  EXPECT_THROW(queue.join(milliseconds(2)), TimeoutError) << "got is not done";
  queue.task_done();
  EXPECT_THROW(queue.join(milliseconds(0)), TimeoutError);
  queue.task_done();
  queue.join();
}

TEST(JoinableQueue, TaskDoneOfNothingIsAnError) {
  JoinableQueue<int> queue;
  EXPECT_THROW(queue.task_done(), std::logic_error);
  queue.put(1);
  queue.get();
  queue.task_done();
  EXPECT_THROW(queue.task_done(), std::logic_error);
}

TEST(JoinableQueue, APutThatFailsIsNoTask) {
  JoinableQueue<int> queue(1);
  queue.put(1);
  EXPECT_THROW(queue.put_nowait(2), Full);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.qsize(), 1u);
  EXPECT_THROW(
      {
        queue.get_nowait();
        queue.get_nowait();
      },
      Empty);
  queue.task_done();
  queue.join();
}

TEST(JoinableQueue, AClosedQueueSaysSo) {
  JoinableQueue<int> queue;
  queue.close();
  EXPECT_THROW(queue.put(1), std::logic_error);
  EXPECT_THROW(queue.get(), std::logic_error);
  EXPECT_THROW(queue.task_done(), std::logic_error);
  EXPECT_THROW(queue.join(), std::logic_error);
}

TEST(JoinableQueue, JoinSleepsUntilThreadsHaveDoneAll) {
  JoinableQueue<int> queue;
  constexpr int kThreads = 3, kTasks = 300;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      while (queue.get() != 0) {
        ++done;
        queue.task_done();
      }
      queue.task_done();
    });
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i <= kTasks; ++i) queue.put(i);
    queue.join();
    EXPECT_EQ(done.exchange(0), kTasks);
  }
  for (int t = 0; t < kThreads; ++t) queue.put(0);
  queue.join();
  for (auto& thread : threads) thread.join();
}

class JoinableQueueProcesses : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, JoinableQueueProcesses, test::every_start_method(), test::start_method_name);

TEST_P(JoinableQueueProcesses, DoTasksUntilJoinReturns) {  // test_task_done
  JoinableQueue<int> queue;
  std::vector<Process> processes;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back(
        GetParam(),
        +[](JoinableQueue<int>& tasks) {
          while (tasks.get() >= 0) tasks.task_done();
        },
        std::ref(queue));
    processes.back().start();
  }
  for (int i = 0; i < 10; ++i) queue.put(i);
  queue.join(kLong);
  for (int i = 0; i < 4; ++i) queue.put(-1);
  for (auto& process : processes) EXPECT_TRUE(process.join(kLong));
  // They ended without task_done() for their last message.
  EXPECT_THROW(queue.join(kLong), TasksLost);
  queue.join(kLong);
}

TEST_P(JoinableQueueProcesses, ThatAreKilledLoseTheirTaskAndJoinSaysWhose) {
  JoinableQueue<int> queue;
  Queue<bool> taken;
  Process p(
      GetParam(),
      +[](JoinableQueue<int>& tasks, Queue<bool>& out) {
        tasks.get();
        tasks.get();
        tasks.task_done();
        out.put(true);
        tasks.join();  // Never: it holds one itself.
      },
      std::ref(queue), std::ref(taken));
  p.start();
  for (int i = 0; i < 3; ++i) queue.put(i);
  taken.get(kLong);
  EXPECT_THROW(queue.join(milliseconds(0)), TimeoutError) << "it may still do it";
  std::thread killer([&] { p.kill(); });
  try {
    queue.join(kLong);
    ADD_FAILURE() << "a task was lost";
  } catch (const TasksLost& e) {
    EXPECT_EQ(e.count(), 1u);
    EXPECT_THAT(e.processes(), ElementsAre(p.pid().value()));
    EXPECT_THAT(e.what(), HasSubstr(std::to_string(p.pid().value())));
  }
  killer.join();
  EXPECT_TRUE(p.join(kLong));
  EXPECT_THROW(queue.join(milliseconds(0)), TimeoutError) << "the third is still to be done";
  EXPECT_EQ(queue.get(), 2);
  queue.task_done();
  queue.join();
}

}  // namespace
}  // namespace millrace::multiprocessing
