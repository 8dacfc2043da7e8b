// What a pool says when its results do not come. Notices are repeated until the worker is at its call, and a notice is
// what lets it go on: nothing here waits for a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/tests/support/notices.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::multiprocessing::notices_test {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::StartsWith;

// Until something is sent to it, which stays unread.
int wait_for_word(const OwnedFd& fd, int x) {
  poll_readable(fd.get(), std::nullopt);
  return x;
}

struct PoolNotices : testing::Test {
  // Lets the worker go on when a notice says that it runs its call.
  void let_go(const test::Notices::Notice& notice) {
    if (notice.text.find("runs") != std::string::npos) test::send_text(ends.first, "go");
  }

  std::pair<FdSocket, FdSocket> ends = FdSocket::pair();
  OwnedFd theirs{ends.second.take()};
  const test::NoticeAfter soon{milliseconds(1)};
  const test::Notices notices{[this](const auto& notice) { let_go(notice); }};
  Pool pool{1};
};

TEST_F(PoolNotices, SayWhichCallEachWorkerRunsAndWhatItDoesInTheKernel) {
  EXPECT_EQ(pool.apply(wait_for_word, theirs, 7), 7);
  // One more may come between the end of the call and its result, of a worker that has none.
  const auto text = AllOf(StartsWith("waiting for a result of a pool for "),
                          HasSubstr("worker 1, process " + std::to_string(pool.worker_pids().at(0)) + " ("),
                          HasSubstr("wait_for_word"), HasSubstr("; 0 tasks wait for their turn"));
  EXPECT_THAT(notices.all(), Contains(AllOf(Field(&test::Notices::Notice::text, text),
                                            Field(&test::Notices::Notice::level, NoticeLevel::kWarning))));
}

TEST_F(PoolNotices, NameTheItemOfAMap) {
  const auto run = [](const OwnedFd& fd) { return wait_for_word(fd, 3); };
  std::vector<OwnedFd> items;
  items.push_back(std::move(theirs));
  EXPECT_EQ(pool.map(run, items).at(0), 3);
  EXPECT_THAT(notices.texts(), Contains(HasSubstr(", item 0; ")));
}

TEST_F(PoolNotices, ComeToWhoTakesTheResultsOfAnImap) {
  const auto run = [](const OwnedFd& fd) { return wait_for_word(fd, 5); };
  std::vector<OwnedFd> items;
  items.push_back(std::move(theirs));
  auto results = pool.imap(run, items);
  EXPECT_EQ(results.next(), 5);
  EXPECT_THAT(notices.texts(), Contains(StartsWith("waiting for a result of a pool for ")));
}

TEST_F(PoolNotices, ComeToWhoJoinsThePool) {
  const auto later = pool.apply_async(wait_for_word, theirs, 7);
  pool.close();
  pool.join();
  EXPECT_EQ(later.get(), 7);
  EXPECT_THAT(notices.texts(), Contains(StartsWith("waiting for the workers of a pool to leave for ")));
}

}  // namespace
}  // namespace millrace::multiprocessing::notices_test
