// PyTorch's test_multiprocessing_spawn.py (test_success, test_success_non_blocking, test_first_argument_index,
// test_exception_single, test_exception_all, test_terminate_signal, test_terminate_exit,
// test_success_first_then_exception, test_nested, test_errors_pickleable without pickle), and what this library adds:
// all failing ranks are reported.
#include "millrace/sharing/process/spawn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/context.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kLong;
using test::receive_text;
using test::send_text;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

// Until something is sent to it, which stays unread so that all see it.
void wait_for_the_end(const OwnedFd& fd) { poll_readable(fd.get(), std::nullopt); }

class Spawn : public testing::TestWithParam<StartMethod> {
 protected:
  const StartOptions options{GetParam(), false};
  std::pair<FdSocket, FdSocket> ends = FdSocket::pair();  // Nothing is ever sent to the second one, unless a test does.
  OwnedFd theirs{ends.second.take()};
};
INSTANTIATE_TEST_SUITE_P(, Spawn, test::every_start_method(), test::start_method_name);

TEST_P(Spawn, ReturnsWhenAllHaveSucceeded) {
  spawn(+[](int, const OwnedFd& fd) { send_text(FdSocket(OwnedFd(::dup(fd.get()))), "x"); }, {theirs}, 3, options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive_text(ends.first), "x");
}

TEST_P(Spawn, GivesEachItsIndexFirstAndThenTheArguments) {
  const auto tell = [](int index, const OwnedFd& fd, std::string greeting, int n) {
    send_text(FdSocket(OwnedFd(::dup(fd.get()))), greeting + std::to_string(index + n));
  };
  spawn(tell, {theirs, "hello ", 10}, 3, options);
  std::set<std::string> said;
  for (int i = 0; i < 3; ++i) said.insert(receive_text(ends.first));
  EXPECT_EQ(said, (std::set<std::string>{"hello 10", "hello 11", "hello 12"}));
}

TEST_P(Spawn, StartsOneProcessWithoutArgumentsUnlessTold) {
  EXPECT_NO_THROW(spawn([](int index) { std::exit(index); }));
  EXPECT_THAT(start_processes([](int) {}).pids(), SizeIs(1));
}

TEST_P(Spawn, StartProcessesReturnsAtOnceAndJoinsLater) {
  auto context = start_processes([](int, const OwnedFd& fd) { wait_for_the_end(fd); }, {theirs}, 3, options);
  EXPECT_FALSE(context.join(milliseconds(1)));
  EXPECT_THAT(context.pids(), SizeIs(3));
  for (auto& process : context.processes()) EXPECT_TRUE(process.is_alive());
  send_text(ends.first, "end");
  EXPECT_TRUE(context.join(kLong));
  EXPECT_TRUE(context.join(kLong)) << "again";
  for (auto& process : context.processes()) EXPECT_EQ(process.exitcode(), 0);
}

TEST_P(Spawn, ExceptionOfOneIsThrownWithItsTextAndBacktrace) {
  const auto fail = [](int index, const OwnedFd& fd, int failing) {
    if (index == failing) throw std::out_of_range("sample " + std::to_string(index));
    wait_for_the_end(fd);
  };
  for (const int failing : {0, 2}) {
    try {
      spawn(fail, {theirs, failing}, 3, options);
      FAIL();
    } catch (const ProcessRaisedException& e) {
      EXPECT_THAT(e.what(), StartsWith("-- Process " + std::to_string(failing) +
                                       " terminated with the following error:\nstd::out_of_range: sample " +
                                       std::to_string(failing) + "\n  #0 "));
      EXPECT_EQ(e.error_index(), failing);
      EXPECT_GT(e.error_pid(), 0);
      ASSERT_THAT(e.failures(), SizeIs(1));
      EXPECT_EQ(e.failures()[0].exitcode, 1);
      EXPECT_EQ(e.failures()[0].error->type, "std::out_of_range");
    }
  }
}

TEST_P(Spawn, ExceptionsOfAllAreReported) {
  // None fails before all are there, so that none is terminated because of another.
  const auto fail = [](int index, const OwnedFd& fd) {
    send_text(FdSocket(OwnedFd(::dup(fd.get()))), "here");
    poll_readable(fd.get(), std::nullopt);
    throw std::runtime_error("rank " + std::to_string(index));
  };
  auto context = start_processes(fail, {theirs}, 3, options);
  for (int i = 0; i < 3; ++i) receive_text(ends.first);
  send_text(ends.first, "now");
  try {
    context.join(std::nullopt, kLong);
    FAIL();
  } catch (const ProcessRaisedException& e) {
    EXPECT_THAT(e.failures(), SizeIs(3));
    for (const char* text : {"rank 0", "rank 1", "rank 2"}) EXPECT_THAT(e.what(), HasSubstr(text));
    EXPECT_THAT(e.what(), HasSubstr("\n\n-- Process "));
  }
}

TEST_P(Spawn, DeathBySignalIsToldByItsName) {
  const auto die = [](int index, const OwnedFd& fd) {
    if (index == 0) ::raise(SIGKILL);
    wait_for_the_end(fd);
  };
  try {
    spawn(die, {theirs}, 2, options);
    FAIL();
  } catch (const ProcessExitedException& e) {
    EXPECT_STREQ(e.what(), "process 0 terminated with signal SIGKILL");
    EXPECT_EQ(e.signal_name(), "SIGKILL");
    EXPECT_EQ(e.exit_code(), -SIGKILL);
    EXPECT_EQ(e.error_index(), 0);
    EXPECT_THAT(e.failures(), SizeIs(1)) << "the other one was terminated, which is no failure of its own";
  }
}

TEST_P(Spawn, ExitCodeIsTold) {
  const auto leave = [](int index, const OwnedFd& fd) {
    if (index == 1) std::exit(123);
    wait_for_the_end(fd);
  };
  try {
    spawn(leave, {theirs}, 2, options);
    FAIL();
  } catch (const ProcessExitedException& e) {
    EXPECT_STREQ(e.what(), "process 1 terminated with exit code 123");
    EXPECT_EQ(e.exit_code(), 123);
    EXPECT_EQ(e.signal_name(), std::nullopt);
    EXPECT_EQ(e.error_index(), 1);
  }
}

TEST_P(Spawn, ExceptionIsThrownAlsoWhenOthersHaveSucceededBefore) {
  const auto run = [](int index, const OwnedFd& fd) {
    if (index == 0) return send_text(FdSocket(OwnedFd(::dup(fd.get()))), "done");
    wait_for_the_end(fd);
    throw std::runtime_error("late");
  };
  auto context = start_processes(run, {theirs}, 2, options);
  receive_text(ends.first);
  EXPECT_TRUE(context.processes()[0].join(kLong));
  send_text(ends.first, "now");
  EXPECT_THROW(context.join(), ProcessRaisedException);
}

TEST_P(Spawn, ProcessesThatIgnoreSigtermAreKilledAfterTheGracePeriod) {
  const auto run = [](int index, const OwnedFd& fd) {
    ::signal(SIGTERM, SIG_IGN);
    send_text(FdSocket(OwnedFd(::dup(fd.get()))), "deaf");
    if (index == 0) {
      wait_for_the_end(fd);
      throw std::runtime_error("first");
    }
    for (;;) ::pause();
  };
  auto context = start_processes(run, {theirs}, 3, options);
  for (int i = 0; i < 3; ++i) receive_text(ends.first);
  send_text(ends.first, "now");
  EXPECT_THROW(context.join(std::nullopt, milliseconds(20)), ProcessRaisedException);
  for (auto& process : context.processes()) EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(context.processes()[2].exitcode(), -SIGKILL);
}

TEST_P(Spawn, GracePeriodLetsOthersEndByThemselves) {
  const auto run = [](int index, const OwnedFd& fd) {
    send_text(FdSocket(OwnedFd(::dup(fd.get()))), "here");
    wait_for_the_end(fd);
    if (index == 0) throw std::runtime_error("first");
    std::exit(0);
  };
  auto context = start_processes(run, {theirs}, 2, options);
  for (int i = 0; i < 2; ++i) receive_text(ends.first);
  send_text(ends.first, "now");
  EXPECT_THROW(context.join(std::nullopt, kLong), ProcessRaisedException);
  EXPECT_EQ(context.processes()[1].exitcode(), 0);
}

TEST_P(Spawn, TerminatingARankEndsItsOwnChildrenToo) {
  // The rank starts ranks of its own, which hold our socket; its end of file says that they are gone.
  const auto parent = [](int, const OwnedFd& fd, StartMethod method) {
    auto context = start_processes(
        [](int, const OwnedFd& socket) {
          send_text(FdSocket(OwnedFd(::dup(socket.get()))), "grandchild");
          for (;;) ::pause();
        },
        {fd}, 2, {method, false});
    context.join();
  };
  auto context = start_processes(parent, {theirs, GetParam()}, 1, options);
  theirs.reset();
  for (int i = 0; i < 2; ++i) receive_text(ends.first);
  context.processes()[0].kill();
  EXPECT_THROW(context.join(), ProcessExitedException);
  EXPECT_TRUE(poll_readable(ends.first.fd(), kLong));
  EXPECT_FALSE(ends.first.receive());
}

TEST_P(Spawn, JoinAfterAFailureHasNothingLeftToWaitFor) {
  auto context = start_processes([](int) { throw 1; }, {}, 2, options);
  EXPECT_THROW(context.join(), ProcessRaisedException);
  EXPECT_TRUE(context.join());
}

TEST_P(Spawn, ExceptionThatIsNoStdExceptionIsToldByItsType) {
  try {
    spawn([](int) { throw 42; }, {}, 1, options);
    FAIL();
  } catch (const ProcessRaisedException& e) {
    EXPECT_THAT(e.what(), HasSubstr("an exception of type int"));
  }
}

TEST_P(Spawn, DaemonsAreStartedAsSuch) {
  spawn([](int) { std::exit(current_process().daemon ? 0 : 1); }, {}, 1, {GetParam(), true});
}

TEST_P(Spawn, LeavesNoDescriptorAndNoChild) {
  spawn([](int) {}, {}, 1, options);
  EXPECT_THAT(active_children(), testing::IsEmpty());
  const auto before = test::open_descriptors();
  spawn([](int) {}, {}, 3, options);
  EXPECT_THAT(active_children(), testing::IsEmpty());
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(ProcessFailure, SaysSignalsWithoutANameByNumber) {
  EXPECT_EQ((ProcessFailure{4, 1, -77, std::nullopt}.str()), "process 4 terminated with <Unknown signal 77>");
}

}  // namespace
}  // namespace millrace::multiprocessing
