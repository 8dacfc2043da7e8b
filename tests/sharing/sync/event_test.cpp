// CPython's test_multiprocessing: _TestEvent (test_event), and what Python does not promise.
#include "millrace/sharing/sync/event.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "millrace/sharing/sync/semaphore.h"
#include "millrace/sharing/sync/value.h"
#include "millrace/tests/sharing/sync/crew.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using test::kLong;

// test_event, without the other process
TEST(EventAlone, IsSetUntilItIsCleared) {
  Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(milliseconds(0)));
  EXPECT_FALSE(event.wait(milliseconds(20)));
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait());
  EXPECT_TRUE(event.wait(milliseconds(0)));
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(milliseconds(0)));
}

class EventOfMany : public SyncTest {};
INSTANTIATE_TEST_SUITE_P(, EventOfMany, everybody(), name_of);

// test_event
TEST_P(EventOfMany, IsSetByAnother) {
  Event event;
  Crew crew(GetParam());
  crew.start(+[](Event& e) { e.set(); }, std::ref(event));
  EXPECT_TRUE(event.wait(kLong));
}

TEST_P(EventOfMany, WakesAllWhoWait) {
  Event event;
  Semaphore here(0), awake(0);
  Crew crew(GetParam());
  for (int i = 0; i < 3; ++i) {
    crew.start(
        +[](Event& e, Semaphore& h, Semaphore& a) {
          h.release();
          require(e.wait(kLong), "it was set");
          a.release();
        },
        std::ref(event), std::ref(here), std::ref(awake));
  }
  for (int i = 0; i < 3; ++i) ASSERT_EQ(here.acquire(kLong), Acquired::kYes);
  event.set();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(awake.acquire(kLong), Acquired::kYes);
}

TEST_P(EventOfMany, ShowsWhatWasWrittenBefore) {
  Event event, answer;
  RawValue<int> number;
  Crew crew(GetParam());
  crew.start(
      +[](Event& e, Event& a, RawValue<int>& n) {
        require(e.wait(kLong), "it was set");
        n.value() *= 2;
        a.set();
      },
      std::ref(event), std::ref(answer), std::ref(number));
  number.value() = 21;
  event.set();
  ASSERT_TRUE(answer.wait(kLong));
  EXPECT_EQ(number.value(), 42);
}

TEST(EventOfTwo, EndsWaitsAlsoWhenItIsClearedAtOnce) {
  Event event;
  for (int i = 0; i < 200; ++i) {
    Event over;
    std::thread waiter([&] {
      EXPECT_TRUE(event.wait(kLong));
      over.set();
    });
    while (!over.is_set()) {  // The first of these that comes after the wait began ends it.
      event.set();
      event.clear();
    }
    waiter.join();
  }
}

TEST(EventOfTheDead, CanStillBeSet) {
  Event event, here;
  auto waiter = victim(
      +[](Event& e, Event& h) {
        h.set();
        e.wait();
      },
      std::ref(event), std::ref(here));
  ASSERT_TRUE(here.wait(kLong));
  kill_and_join(waiter);
  event.set();
  EXPECT_TRUE(event.wait(kLong));
}

}  // namespace
}  // namespace millrace::multiprocessing
