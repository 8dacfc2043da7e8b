#include "millrace/sharing/os/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/os/long_wait.h"
#include "millrace/tests/support/notices.h"

namespace millrace::notice_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::StartsWith;

TEST(Notice, IsALineOnStderrWhereNobodyAsksForIt) {
  testing::internal::CaptureStderr();
  tell(NoticeLevel::kInfo, "as usual");
  tell(NoticeLevel::kWarning, "one worker died");
  tell(NoticeLevel::kError, "a callback threw");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "millrace: warning: one worker died\nmillrace: error: a callback threw\n")
      << "no informations";
}

TEST(Notice, GoesToTheHandlerThatWasSet) {
  testing::internal::CaptureStderr();
  {
    const test::Notices notices;
    tell(NoticeLevel::kInfo, "a");
    tell(NoticeLevel::kError, "b");
    EXPECT_THAT(notices.texts(), ElementsAre("a", "b"));
    EXPECT_EQ(notices.all()[0].level, NoticeLevel::kInfo);
    EXPECT_EQ(notices.all()[1].level, NoticeLevel::kError);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

void nothing(NoticeLevel, std::string_view) {}

TEST(Notice, NullSetsTheHandlerOfTheStart) {
  const NoticeHandler start = set_notice_handler(&nothing);
  EXPECT_EQ(set_notice_handler(nullptr), &nothing);
  EXPECT_EQ(set_notice_handler(nullptr), start);
  testing::internal::CaptureStderr();
  tell(NoticeLevel::kWarning, "again");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "millrace: warning: again\n");
}

TEST(Notice, HarmsNobodyWhenItsHandlerThrows) {
  testing::internal::CaptureStderr();
  const NoticeHandler before =
      set_notice_handler([](NoticeLevel, std::string_view) { throw std::runtime_error("a fit"); });
  tell(NoticeLevel::kWarning, "x");
  set_notice_handler([](NoticeLevel, std::string_view) { throw 1; });
  tell(NoticeLevel::kWarning, "x");
  set_notice_handler(before);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "millrace: error: a handler of notices threw a fit\nmillrace: error: a handler of notices threw "
            "something\n");
}

TEST(Notice, OfLongWaitsComesAfterTenSecondsUnlessSaidOtherwise) {
  EXPECT_EQ(*notice_after(), seconds(10));
  const test::NoticeAfter never(milliseconds(0));
  EXPECT_FALSE(static_cast<bool>(notice_after()));
}

struct LongWaits : testing::Test {
  const LongWait::Time start{hours(1)};
};

TEST_F(LongWaits, AreDueOnceAndAgainWheneverTheyAreTwiceAsLong) {
  LongWait wait(seconds(10), start);
  std::vector<int> due;
  for (int second = 0; second <= 100; ++second)
    if (wait.is_due(start + seconds(second))) due.push_back(second);
  EXPECT_THAT(due, ElementsAre(10, 20, 40, 80));
}

TEST_F(LongWaits, AreNeverDueWhereTheyAreNotToBeToldOf) {
  LongWait wait(std::nullopt, start);
  EXPECT_FALSE(wait.is_due(start + hours(100)));
  EXPECT_FALSE(static_cast<bool>(wait.left(std::nullopt, start)));
  EXPECT_EQ(*wait.left(seconds(3), start), seconds(3));
}

TEST_F(LongWaits, SleepUntilTheyAreDueOrTheirLimit) {
  LongWait wait(seconds(10), start);
  EXPECT_EQ(*wait.left(std::nullopt, start + seconds(1)), seconds(9));
  EXPECT_EQ(*wait.left(seconds(5), start + seconds(1)), seconds(5));
  EXPECT_EQ(*wait.left(std::nullopt, start + seconds(11)), seconds(0));
}

TEST_F(LongWaits, AreToldOfUntilTheyEnd) {
  int told = 0;
  EXPECT_TRUE(wait_and_tell(std::nullopt, milliseconds(1), [&](Timeout) { return told == 3; }, [&](auto) { ++told; }));
  EXPECT_EQ(told, 3);
}

TEST_F(LongWaits, EndAtTheirTimeout) {
  EXPECT_FALSE(wait_and_tell(milliseconds(0), std::nullopt, [](Timeout) { return false; }, [](auto) {}));
}

}  // namespace
}  // namespace millrace::notice_test
