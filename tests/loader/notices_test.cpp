// What a loader with real worker processes says. Notices are repeated until a worker is where a test wants it, and a
// notice is what lets it go on: nothing here waits for a time. What else is said: tests/loader/engine/notices_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "millrace/loader/data_loader.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/tests/support/notices.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::notices_test {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Numbers, none of which can be read before something has come.
struct Gated {
  int fd = -1;

  size_t size() const { return 40; }
  int64_t get(size_t i) const {
    poll_readable(fd, std::nullopt);
    return static_cast<int64_t>(i);
  }
};

struct LoaderNotices : testing::Test {
  auto loader() const {
    return make_data_loader(
        Gated{ends.second.fd()},
        DataLoaderOptions(1).num_workers(1).start_method(StartMethod::kFork).notice_after(milliseconds(1)));
  }

  void open_gate() const { test::send_text(ends.first, "go"); }

  std::pair<FdSocket, FdSocket> ends = FdSocket::pair();
  std::function<void(const std::string&)> on_notice;
  const test::Notices notices{[this](const auto& notice) {
    if (on_notice) on_notice(notice.text);
  }};
};

TEST_F(LoaderNotices, SayThatItIsNotKnownWhatSamplesLookLike) {
  auto loading = loader();
  on_notice = [this](const std::string& text) {
    if (text.find("which shows what samples look like") != std::string::npos) open_gate();
  };
  EXPECT_TRUE(loading->next().has_value());
  EXPECT_THAT(notices.texts(), Contains(AllOf(StartsWith("DataLoader: what samples look like has not come for "),
                                              HasSubstr(": worker 0 (pid "), HasSubstr(") reads sample 0"))));
}

// Says that it reads, and waits until something has come.
struct GatedRows {
  int fd = -1;

  size_t size() const { return 4; }
  SampleSpec spec() const { return {{"number", at::kLong, {}}}; }
  void read(size_t, SampleRow& row, SampleContext&) const {
    static_cast<void>(!::write(fd, "x", 1));
    poll_readable(fd, std::nullopt);
    row.set<int64_t>("number", 1);
  }
};

TEST_F(LoaderNotices, SayThatTheEndOfALoaderWaitsForAThread) {
  auto loading = make_data_loader(GatedRows{ends.second.fd()}, DataLoaderOptions(1)
                                                                   .num_workers(1)
                                                                   .worker_mode(WorkerMode::kThread)
                                                                   .notice_after(milliseconds(1))
                                                                   .timeout(milliseconds(1)));
  EXPECT_THROW(loading->next(), LoaderTimeout);
  poll_readable(ends.first.fd(), std::nullopt);
  on_notice = [this](const std::string& text) {
    if (text.find("its destructor has waited") != std::string::npos) open_gate();
  };
  loading.reset();
  EXPECT_THAT(notices.texts(), Contains(AllOf(StartsWith("DataLoader: its destructor has waited "),
                                              HasSubstr(" for threads, "), HasSubstr("worker 0 reads sample "))));
}

TEST_F(LoaderNotices, SayThatAWorkerIsStopped) {
  open_gate();
  auto loading = loader();
  loading->next();
  const pid_t worker = loading->worker_pids().at(0);
  on_notice = [worker](const std::string& text) {
    if (text.find("stopped") != std::string::npos) ::kill(worker, SIGCONT);
  };
  ::kill(worker, SIGSTOP);
  int batches = 1;
  while (loading->next()) ++batches;
  EXPECT_EQ(batches, 40);
  EXPECT_THAT(notices.texts(),
              Contains(AllOf(StartsWith("DataLoader: batch "), HasSubstr(": worker 0 (pid " + std::to_string(worker)),
                             EndsWith(" (stopped)"))));
}

TEST_F(LoaderNotices, SayThatAWorkerDiedAndIsReplaced) {
  open_gate();
  auto loading = loader();
  loading->next();
  const pid_t worker = loading->worker_pids().at(0);
  ::kill(worker, SIGKILL);
  int batches = 1;
  while (loading->next()) ++batches;
  EXPECT_EQ(batches, 40);
  while (loading->stats().worker_deaths == 0) loading->next();  // A trainer that never waits looks every 10 ms.
  EXPECT_THAT(notices.texts(),
              Contains(AllOf(StartsWith("DataLoader: worker 0 (pid " + std::to_string(worker) + ") was killed by "),
                             HasSubstr(", and another takes its place"))));
}

}  // namespace
}  // namespace millrace::notices_test
