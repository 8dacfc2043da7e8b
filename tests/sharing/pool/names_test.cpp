// A program that writes `using namespace` for everything can name what it needs from here without qualifying it.
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "millrace/sharing/channel/joinable_queue.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/channel/simple_queue.h"
#include "millrace/sharing/channel/wait.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/sharing/process/spawn.h"
#include "millrace/sharing/sync/array.h"
#include "millrace/sharing/sync/barrier.h"
#include "millrace/sharing/sync/condition.h"
#include "millrace/sharing/sync/event.h"
#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/support/process_probe.h"

namespace names_test {
namespace {

using namespace std;                        // NOLINT(google-build-using-namespace): what this test is about.
using namespace millrace;                   // NOLINT(google-build-using-namespace)
using namespace millrace::multiprocessing;  // NOLINT(google-build-using-namespace)

int twice(int x) { return 2 * x; }

void meet(int, Barrier& barrier, Event& event, Semaphore& semaphore, Value<int>& value, Array<int>& array) {
  barrier.wait();
  event.set();
  semaphore.release();
  value = 1;
  array[0] = 1;
}

TEST(Names, NeedNoQualifyingBesideStd) {
  Lock lock;
  RLock rlock;
  Condition condition(lock);
  BoundedSemaphore bounded(1);
  RawValue<int> raw_value;
  RawArray<int> raw_array(1);
  const lock_guard hold(rlock);
  Barrier barrier(1);
  Event event;
  Semaphore semaphore(0);
  Value<int> value;
  Array<int> array(1);
  spawn(meet, {ref(barrier), ref(event), ref(semaphore), ref(value), ref(array)}, 1);
  EXPECT_EQ(value, 1);

  Queue<string> queue;
  SimpleQueue<int> simple;
  JoinableQueue<int> joinable;
  auto [a, b] = Pipe();
  a.send(1);
  EXPECT_EQ(wait({b, queue}, millrace::test::kLong).size(), 1u);
  EXPECT_THROW(queue.get_nowait(), Empty);

  set<StartMethod> methods;
  for (const auto method : get_all_start_methods()) methods.insert(method);
  EXPECT_EQ(methods.size(), 3u);
  Process process({.name = "named", .start_method = StartMethod::kForkServer}, +[] {});
  process.start();
  process.join();
  EXPECT_EQ(current_process().name, "MainProcess");
  Pool pool(PoolOptions(1));
  AsyncResult<int> result = pool.apply_async(twice, 2);
  EXPECT_EQ(result.get(), 4);
}

}  // namespace
}  // namespace names_test
