#include "millrace/loader/engine/epoll_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/poll.h"

namespace millrace::epoll_events_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::nanoseconds kNow{0};
constexpr std::chrono::seconds kLong{20};

// An event stands for a pidfd here: both are readable for good.
struct EpollEventsTest : testing::Test {
  static bool is_set(const EventFd& event) { return poll_readable(event.fd(), kNow); }

  EventFd done, returned, end;
  EpollEvents tested{done, returned};
};

TEST_F(EpollEventsTest, TheDoneBellWakesAndIsCleared) {
  done.signal();
  EXPECT_THAT(tested.wait(kLong), IsEmpty());
  EXPECT_FALSE(is_set(done));
}

TEST_F(EpollEventsTest, ASlotThatComesHomeWakesAndStaysKnownToTheArena) {
  returned.signal();
  EXPECT_THAT(tested.wait(kLong), IsEmpty());
  EXPECT_TRUE(is_set(returned));
}

TEST_F(EpollEventsTest, AWorkersEndIsReportedUntilItIsForgotten) {
  tested.watch(3, end.fd());
  EXPECT_THAT(tested.wait(kNow), IsEmpty());
  end.signal();
  EXPECT_THAT(tested.wait(kLong), ElementsAre(3));
  EXPECT_THAT(tested.wait(kNow), ElementsAre(3));
  tested.forget(end.fd());
  EXPECT_THAT(tested.wait(kNow), IsEmpty());
}

TEST_F(EpollEventsTest, LooksUntilItSeesOrForAWhile) {
  int looks = 0;
  EXPECT_TRUE(tested.look_for_a_while([&] { return ++looks == 3; }));
  EXPECT_EQ(looks, 3);
  EXPECT_FALSE(tested.look_for_a_while([] { return false; }));
}

}  // namespace
}  // namespace millrace::epoll_events_test
