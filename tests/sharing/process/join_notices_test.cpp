// What is said when a process that is waited for does not end. Notices are repeated until the process is where a test
// wants it, and a notice is what lets it go on: nothing here waits for a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/spawn.h"
#include "millrace/tests/support/notices.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::multiprocessing::join_notices_test {
namespace {

using std::chrono::milliseconds;
using test::kLong;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Until something is sent to it, which stays unread so that all see it.
void wait_for_the_end(const OwnedFd& fd) { poll_readable(fd.get(), std::nullopt); }

struct JoinNotices : testing::Test {
  // A process that ends when go() is called.
  Process started() {
    Process process(StartMethod::kFork, wait_for_the_end, theirs);
    process.start();
    pid = process.pid().value();
    return process;
  }

  void go() { test::send_text(ends.first, "go"); }

  std::string who() const { return ", process " + std::to_string(pid) + " ("; }

  std::pair<FdSocket, FdSocket> ends = FdSocket::pair();
  OwnedFd theirs{ends.second.take()};
  pid_t pid = 0;
  std::function<void(const std::string&)> on_notice = [this](const std::string&) { go(); };
  const test::NoticeAfter soon{milliseconds(1)};
  const test::Notices notices{[this](const auto& notice) { on_notice(notice.text); }};
};

TEST_F(JoinNotices, AreInformationsWhileTheProcessIsAtWork) {
  auto process = started();
  EXPECT_TRUE(process.join());
  EXPECT_THAT(notices.texts().at(0),
              AllOf(StartsWith("join() has waited "), HasSubstr(" for '" + process.name() + "'"), HasSubstr(who())));
  EXPECT_EQ(notices.all().at(0).level, NoticeLevel::kInfo);
}

TEST_F(JoinNotices, AreWarningsOfAProcessThatIsStopped) {
  auto process = started();
  on_notice = [this](const std::string& text) {
    if (text.find("stopped") == std::string::npos) return;
    go();
    ::kill(pid, SIGCONT);
  };
  ::kill(pid, SIGSTOP);
  EXPECT_TRUE(process.join(kLong));
  // It was at work before the signal reached it, and is again afterwards.
  const auto all = notices.all();
  const auto told = std::ranges::find_if(all, [](const auto& notice) { return notice.text.ends_with("stopped)"); });
  ASSERT_NE(told, all.end());
  EXPECT_THAT(told->text, HasSubstr(who() + "stopped)"));
  EXPECT_EQ(told->level, NoticeLevel::kWarning);
}

TEST_F(JoinNotices, AreWarningsWhereTheProgramIsAtItsEnd) {
  const auto process = started();
  detail::finish_children();
  EXPECT_THAT(notices.texts().at(0), AllOf(StartsWith("the program is at its end and has waited "), HasSubstr(who()),
                                           HasSubstr("set_daemon(true)")));
  EXPECT_EQ(notices.all().at(0).level, NoticeLevel::kWarning);
}

TEST_F(JoinNotices, NameEachProcessOfAGroup) {
  auto context = start_processes([](int, const OwnedFd& fd) { wait_for_the_end(fd); }, {theirs}, 2,
                                 StartOptions{StartMethod::kFork, false});
  EXPECT_TRUE(context.join());
  pid = context.pids()[1];
  EXPECT_THAT(notices.texts().at(0),
              AllOf(StartsWith("join() has waited "), HasSubstr("rank 0, process"), HasSubstr("rank 1" + who())));
}

TEST_F(JoinNotices, AreNotGivenWhereNobodyWantsThem) {
  const test::NoticeAfter never{milliseconds(0)};
  auto process = started();
  EXPECT_FALSE(process.join(milliseconds(3)));
  go();
  EXPECT_TRUE(process.join());
  EXPECT_TRUE(notices.all().empty());
}

}  // namespace
}  // namespace millrace::multiprocessing::join_notices_test
