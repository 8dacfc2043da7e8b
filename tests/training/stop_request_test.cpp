#include "millrace/training/stop_request.h"

#include <gtest/gtest.h>

#include <csignal>

namespace millrace::training::stop_request_test {
namespace {

TEST(StopRequest, IsMadeByCtrlCAndByEachOtherWishToEndIt) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    const StopRequest stop;
    EXPECT_FALSE(stop.is_made());
    EXPECT_EQ(stop.cause(), "");
    ::raise(signal);
    EXPECT_TRUE(stop.is_made());
    EXPECT_NE(stop.cause(), "");
  }
}

TEST(StopRequest, IsMadeOnceByATerminalThatEndsTwice) {
  const StopRequest stop;
  for (const int signal : {SIGHUP, SIGHUP, SIGPIPE, SIGPIPE}) ::raise(signal);
  EXPECT_EQ(stop.cause(), "the end of the terminal (SIGHUP)");
}

TEST(StopRequest, IsNotMadeByATerminalUnderNohup) {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const StopRequest stop;
    ::raise(SIGHUP);
    EXPECT_FALSE(stop.is_made());
  }
  EXPECT_EQ(std::signal(SIGHUP, before), SIG_IGN);
}

TEST(StopRequest, MadeASecondTimeEndsTheProcess) {
  const auto twice = [](int first, int second) {
    const StopRequest stop;
    ::raise(first);
    ::raise(second);
  };
  EXPECT_EXIT(twice(SIGINT, SIGINT), testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(twice(SIGINT, SIGTERM), testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(twice(SIGHUP, SIGINT), testing::KilledBySignal(SIGINT), "");
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
