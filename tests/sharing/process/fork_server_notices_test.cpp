// What is said when the fork server is slow to answer. A notice is what lets it go on: nothing here waits for a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/spawn.h"
#include "millrace/tests/support/notices.h"

namespace millrace::multiprocessing::fork_server_notices_test {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// While the file of this name exists, no process of this program forks. The name is in the environment, where a server
// that was executed afresh finds it too.
constexpr const char* kGate = "FORK_GATE";

void wait_at_gate() {
  while (::access(std::getenv(kGate), F_OK) == 0) ::poll(nullptr, 0, 1);
}

// Before init(), whose server inherits it.
const int set_gate = [] {
  const auto path = std::filesystem::temp_directory_path() / ("millrace_fork_gate_" + std::to_string(::getpid()));
  ::setenv(kGate, path.c_str(), 0);
  return ::pthread_atfork(wait_at_gate, nullptr, nullptr);
}();

TEST(ForkServerNotices, TellOfAServerThatIsSlowToAnswer) {
  ASSERT_EQ(set_gate, 0);
  const std::string server = std::to_string(ForkServer::instance().pid());
  const test::NoticeAfter soon{milliseconds(1)};
  const test::Notices notices{[](const auto&) { std::filesystem::remove(std::getenv(kGate)); }};
  std::ofstream(std::getenv(kGate)).put('\n');
  Process process(StartMethod::kForkServer, [] {});
  process.start();
  EXPECT_TRUE(process.join());
  ASSERT_FALSE(notices.all().empty());
  EXPECT_THAT(notices.texts().at(0), AllOf(StartsWith("the fork server, process " + server + " ("),
                                           HasSubstr(", has not answered for "), HasSubstr("; it gets 30 s")));
  EXPECT_EQ(notices.all().at(0).level, NoticeLevel::kWarning);
}

}  // namespace
}  // namespace millrace::multiprocessing::fork_server_notices_test
