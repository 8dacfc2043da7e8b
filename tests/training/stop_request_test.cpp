#include "millrace/training/stop_request.h"

#include <gtest/gtest.h>

#include <csignal>

namespace millrace::training::stop_request_test {
namespace {

TEST(StopRequest, IsMadeByCtrlCAndBySigterm) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const StopRequest stop;
    EXPECT_FALSE(stop.is_made());
    ::raise(signal);
    EXPECT_TRUE(stop.is_made());
  }
}

TEST(StopRequest, MadeASecondTimeEndsTheProcess) {
  const auto twice = [](int first, int second) {
    const StopRequest stop;
    ::raise(first);
    ::raise(second);
  };
  EXPECT_EXIT(twice(SIGINT, SIGINT), testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(twice(SIGINT, SIGTERM), testing::KilledBySignal(SIGTERM), "");
}

TEST(StopRequest, IsForgottenWithTheObject) {
  {
    const StopRequest stop;
    ::raise(SIGINT);
  }
  const StopRequest stop;
  EXPECT_FALSE(stop.is_made());
}

}  // namespace
}  // namespace millrace::training::stop_request_test
