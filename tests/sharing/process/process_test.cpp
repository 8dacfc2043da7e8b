#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/exit_status.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/type_name.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::kLong;
using test::receive_text;
using test::send_text;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

int do_nothing(std::span<const std::byte>, std::vector<OwnedFd>) { return 0; }

int stay(std::span<const std::byte>, std::vector<OwnedFd>) {
  for (;;) ::pause();
}

// Says that it runs, then echoes messages up to an empty one. (Not up to end of file: a fork holds a copy of our end
// too.)
int echo(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  const FdSocket socket(std::move(fds.at(0)));
  send_text(socket, "ready");
  for (auto message = socket.receive(); message && !message->bytes.empty(); message = socket.receive())
    socket.send(message->bytes);
  return 0;
}

// A child that runs echo(), and our end of its socket.
struct Echo {
  Child child;
  FdSocket socket;

  explicit Echo(StartMethod method) {
    auto [ours, theirs] = FdSocket::pair();
    child = start_child(method, {echo, {}, {theirs.fd()}, "echo"});
    socket = std::move(ours);
    theirs.close();
    EXPECT_EQ(receive_text(socket), "ready");
  }

  std::string ask(const std::string& text) const {
    send_text(socket, text);
    return receive_text(socket);
  }
};

ExitStatus outcome(Child& child) { return child.wait(kLong).value(); }

class Process : public testing::TestWithParam<StartMethod> {
 protected:
  ExitStatus run(ChildEntry entry, std::vector<std::byte> arguments = {}, std::vector<int> fds = {},
                 const std::string& name = "child") const {
    auto child = start_child(GetParam(), {entry, std::move(arguments), std::move(fds), name});
    return outcome(child);
  }
};
INSTANTIATE_TEST_SUITE_P(, Process, test::every_start_method(), test::start_method_name);

TEST_P(Process, ReturnsItsExitCode) {
  EXPECT_EQ(run(do_nothing).code(), 0);
  EXPECT_EQ(run([](std::span<const std::byte>, std::vector<OwnedFd>) { return 42; }).code(), 42);
}

TEST_P(Process, IsAnotherProcessWithThePidItSays) {
  Echo echo(GetParam());
  EXPECT_NE(echo.child.pid(), ::getpid());
  EXPECT_EQ(echo.ask("hello"), "hello");
  EXPECT_NE(test::process_state(echo.child.pid()), '\0');
  EXPECT_FALSE(echo.child.wait(nanoseconds(0))) << "it runs";
  send_text(echo.socket, "");
  EXPECT_EQ(outcome(echo.child).code(), 0);
  EXPECT_EQ(test::process_state(echo.child.pid()), '\0') << "it has been reaped";
}

TEST_P(Process, ReceivesItsArgumentsAlsoWhenTheyAreLarge) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1'000'000}}) {
    const std::string text(size, 'x');
    const auto check = [](std::span<const std::byte> bytes, std::vector<OwnedFd>) {
      std::string got;
      size_t expected = 0;
      DecodeArchive(bytes, {})(got, expected);
      return got == std::string(expected, 'x') ? 0 : 1;
    };
    EXPECT_EQ(run(check, encode(text, size).bytes).code(), 0) << size;
  }
}

TEST_P(Process, ReceivesItsDescriptorsInTheirOrder) {
  std::vector<OwnedFd> memories;
  std::vector<int> fds;
  for (size_t size = 1; size <= 100; ++size) {
    memories.push_back(create_memfd("in order", size));
    fds.push_back(memories.back().get());
  }
  const auto check = [](std::span<const std::byte>, std::vector<OwnedFd> got) {
    for (size_t i = 0; i < got.size(); ++i)
      if (sealed_size(got[i].get()) != i + 1) return 1;
    return got.size() == 100 ? 0 : 2;
  };
  EXPECT_EQ(run(check, {}, fds).code(), 0);
  EXPECT_EQ(sealed_size(fds[99]), 100u) << "ours stay open";
}

TEST_P(Process, ExceptionIsToldOnStderrWithTypeTextAndPid) {
  const test::OutputFile errors;
  const auto fail = [](std::span<const std::byte>, std::vector<OwnedFd> fds) -> int {
    ::dup2(fds.at(0).get(), STDERR_FILENO);
    throw std::out_of_range("sample 7 of 5");
  };
  auto child = start_child(GetParam(), {fail, {}, {errors.fd()}, "reader-3"});
  EXPECT_EQ(outcome(child).code(), 1);
  EXPECT_THAT(errors.text(), StartsWith("Process reader-3 (pid " + std::to_string(child.pid()) +
                                        "): std::out_of_range: sample 7 of 5\n  #0 "));
}

TEST_P(Process, ExceptionThatIsNoStdExceptionIsToldWithItsType) {
  const test::OutputFile errors;
  const auto fail = [](std::span<const std::byte>, std::vector<OwnedFd> fds) -> int {
    ::dup2(fds.at(0).get(), STDERR_FILENO);
    throw 42;
  };
  EXPECT_EQ(run(fail, {}, {errors.fd()}).code(), 1);
  EXPECT_THAT(errors.text(), HasSubstr("an exception of type int"));
}

TEST_P(Process, DeathBySignalIsTold) {
  for (const int signal : {SIGKILL, SIGTERM, SIGUSR1}) {
    Echo echo(GetParam());
    EXPECT_TRUE(echo.child.kill(signal));
    const auto status = outcome(echo.child);
    EXPECT_EQ(status.signal(), signal);
    EXPECT_EQ(status.exitcode(), -signal);
    EXPECT_FALSE(echo.child.kill(signal)) << "it is gone";
    EXPECT_EQ(echo.child.wait(nanoseconds(0)).value().signal(), signal) << "asked again";
  }
}

TEST_P(Process, IgnoresCtrlCAndSurvivesAClosedPipe) {
  Echo echo(GetParam());
  echo.child.kill(SIGINT);
  echo.child.kill(SIGPIPE);
  EXPECT_EQ(echo.ask("still here"), "still here");
}

TEST_P(Process, StartsWithDefaultSignalHandlersAndAnOpenMask) {
  struct sigaction ours{}, before{};
  ours.sa_handler = [](int) {};
  ::sigaction(SIGUSR2, &ours, &before);
  sigset_t blocked, mask_before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &mask_before);
  const auto check = [](std::span<const std::byte>, std::vector<OwnedFd>) {
    struct sigaction now{};
    ::sigaction(SIGUSR2, nullptr, &now);
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    return now.sa_handler == SIG_DFL && ::sigismember(&mask, SIGUSR1) == 0 && ::sigismember(&mask, SIGTERM) == 0 ? 0
                                                                                                                 : 1;
  };
  EXPECT_EQ(run(check).code(), 0);
  ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  ::sigaction(SIGUSR2, &before, nullptr);
}

TEST_P(Process, PrintsWhatWasBufferedOnlyOnce) {
  const test::OutputFile output;
  std::FILE* file = ::fdopen(::dup(output.fd()), "w");
  std::fputs("once", file);
  EXPECT_EQ(run(do_nothing).code(), 0);
  std::fclose(file);
  EXPECT_EQ(output.text(), "once");
}

TEST_P(Process, StoppedChildIsNeitherEndedNorLost) {
  Echo echo(GetParam());
  EXPECT_TRUE(echo.child.kill(SIGSTOP));
  send_text(echo.socket, "wake up");
  EXPECT_FALSE(echo.child.wait(milliseconds(1)));
  EXPECT_TRUE(echo.child.kill(SIGCONT));
  EXPECT_EQ(receive_text(echo.socket), "wake up");
  echo.child.kill(SIGSTOP);
  echo.child.kill(SIGKILL);
  EXPECT_EQ(outcome(echo.child).signal(), SIGKILL) << "SIGKILL reaches a stopped process";
}

TEST_P(Process, CanStartProcessesItself) {
  const auto parent = [](std::span<const std::byte>, std::vector<OwnedFd>) {
    int sum = 0;
    for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn}) {
      const auto two = [](std::span<const std::byte>, std::vector<OwnedFd>) { return 2; };
      auto child = start_child(method, {two, {}, {}, "grandchild"});
      sum += child.wait(kLong).value().exitcode();
    }
    return sum;
  };
  EXPECT_EQ(run(parent).code(), 6);
}

TEST_P(Process, DescriptorsOfTheParentStayConstant) {
  const int cycles = GetParam() == StartMethod::kSpawn ? 50 : 500;
  run(do_nothing);
  const auto before = test::open_descriptors();
  for (int i = 0; i < cycles; ++i) ASSERT_EQ(run(do_nothing, {}, {STDOUT_FILENO}).code(), 0);
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST_P(Process, ManyStartAndEndAtOnceFromSeveralThreads) {
  const int per_thread = GetParam() == StartMethod::kSpawn ? 10 : 50;
  const auto own_code = [](std::span<const std::byte> bytes, std::vector<OwnedFd>) {
    int code = 0;
    DecodeArchive(bytes, {})(code);
    return code;
  };
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<Child> children;
      for (int i = 0; i < per_thread; ++i)
        children.push_back(start_child(GetParam(), {own_code, encode(t * per_thread + i).bytes, {}, "one of many"}));
      for (int i = 0; i < per_thread; ++i)
        right += outcome(children[static_cast<size_t>(i)]).code() == t * per_thread + i;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 4 * per_thread);
}

TEST_P(Process, StatusTakenBySomebodyElseIsUnknownAndNoHang) {
  if (GetParam() == StartMethod::kForkServer) GTEST_SKIP() << "its children are the server's, which alone reaps them";
  auto child = start_child(GetParam(), {do_nothing, {}, {}, "stolen"});
  ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
  EXPECT_EQ(outcome(child).exitcode(), 255);
}

// How many descriptors above 2 are open, as the child's exit code. (Reading the directory opens one itself.)
int count_descriptors(std::span<const std::byte>, std::vector<OwnedFd>) {
  return static_cast<int>(test::open_descriptors().size()) - 3;
}

class FreshProcess : public Process {};
INSTANTIATE_TEST_SUITE_P(, FreshProcess, testing::Values(StartMethod::kForkServer, StartMethod::kSpawn),
                         test::start_method_name);

TEST_P(FreshProcess, HasNoDescriptorsButItsOwn) {
  const OwnedFd without_close_on_exec(::dup(STDOUT_FILENO));
  const auto count = [](std::span<const std::byte> a, std::vector<OwnedFd> fds) {
    return count_descriptors(a, {}) - static_cast<int>(fds.size());
  };
  EXPECT_EQ(run(count).code(), 0);
  EXPECT_EQ(run(count, {}, {STDOUT_FILENO, STDERR_FILENO, STDOUT_FILENO}).code(), 0);
  Echo neighbour(GetParam());
  EXPECT_EQ(run(count).code(), 0) << "nothing of its neighbour's either";
}

int g_set_after_init = 0;

TEST_P(FreshProcess, DoesNotSeeWhatMainChangedSince) {
  g_set_after_init = 1;
  const auto look = [](std::span<const std::byte>, std::vector<OwnedFd>) { return g_set_after_init; };
  EXPECT_EQ(run(look).code(), 0);
}

TEST(ForkedProcess, SeesEveryLiveObject) {
  g_set_after_init = 5;
  const auto look = [](std::span<const std::byte>, std::vector<OwnedFd>) { return g_set_after_init; };
  auto child = start_child(StartMethod::kFork, {look, {}, {}, "look"});
  EXPECT_EQ(outcome(child).code(), 5);
}

// --- The fork server.

void wait_until_gone(const PidFd& process) { ASSERT_TRUE(process.wait_ended(kLong)); }

// We, or its keeper, reap it not before it is replaced, so its number is its own until then.
PidFd open_server() { return PidFd::open(ForkServer::instance().pid()); }

TEST(ForkServer, IsReplacedWhenItDied) {
  {
    const auto first = open_server();
    first.kill(SIGKILL);
    wait_until_gone(first);
    const Echo replaced(StartMethod::kForkServer);  // By one that is executed, as all that follow.
  }
  const auto before = test::open_descriptors();
  const auto server = open_server();
  server.kill(SIGKILL);
  wait_until_gone(server);
  Echo echo(StartMethod::kForkServer);
  EXPECT_EQ(echo.ask("a new server"), "a new server");
  EXPECT_FALSE(server.kill(0)) << "and the old one is no zombie";
  EXPECT_EQ(test::open_descriptors().size(), before.size() + 4) << "the child's two, its socket, and `server` here";
}

// The first line of a file of /proc.
std::string line_of(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::string line;
  std::getline(file, line);
  return line;
}

TEST(ForkServer, KeeperOfAnExecutedOneHoldsNoSharedMemory) {
  const auto server = open_server();
  const auto segment = SharedSegment::create("not to be kept", 1 << 20, "nothing");
  const MappedSegment mapped(segment, Access::kReadWrite);
  server.kill(SIGKILL);
  wait_until_gone(server);
  Echo echo(StartMethod::kForkServer);
  pid_t keeper = 0;
  for (const pid_t child : test::children_of_this_process())
    if (line_of(child, "comm") == "millrace-keeper") keeper = child;
  ASSERT_NE(keeper, 0);
  const auto shared = [&] {
    std::ifstream maps("/proc/" + std::to_string(keeper) + "/maps");
    std::string found;
    for (std::string line; std::getline(maps, line);)
      if (line.find("not to be kept") != std::string::npos) found = line;
    return found;
  };
  // It gives the memory back once it has told of the server.
  const auto limit = std::chrono::steady_clock::now() + test::kLong;
  while (!shared().empty() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_EQ(shared(), "");
}

TEST(ForkServer, ChildrenOfADeadServerAreReported) {
  Echo echo(StartMethod::kForkServer);
  open_server().kill(SIGKILL);
  const auto status = outcome(echo.child);
  EXPECT_EQ(status.exitcode(), 255);
  EXPECT_EQ(status.str(), "ended together with the fork server");
}

TEST(ForkServer, IsReplacedWhileSeveralThreadsAskIt) {
  std::atomic<int> started = 0;
  std::vector<std::thread> threads;
  const auto dying = open_server();
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        auto child = start_child(StartMethod::kForkServer, {do_nothing, {}, {}, "while it dies"});
        const auto status = outcome(child);
        started += status.code() == 0 || status.exitcode() == 255;
        if (i == 2) dying.kill(SIGKILL);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(started, 20);
}

TEST(ForkServer, MadeByAThreadOutlivesThatThread) {
  open_server().kill(SIGKILL);
  std::optional<Echo> echo;
  std::thread([&] { echo.emplace(StartMethod::kForkServer); }).join();
  EXPECT_EQ(echo->ask("after the thread"), "after the thread");
  EXPECT_EQ(PidFd::open(ForkServer::instance().pid()).kill(0), true);
  Echo another(StartMethod::kForkServer);
  EXPECT_EQ(echo->ask("still the same server"), "still the same server");
}

TEST(ForkServer, ReportsStatusAlsoWhenTheProgramIgnoredSigchld) {
  // Ignored signals are inherited by a program executed afresh, and with SIGCHLD ignored there is no status to wait
  // for.
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  open_server().kill(SIGKILL);
  auto child = start_child(StartMethod::kForkServer,
                           {[](std::span<const std::byte>, std::vector<OwnedFd>) { return 3; }, {}, {}, "status"});
  EXPECT_EQ(outcome(child).code(), 3);
  ::signal(SIGCHLD, before);
}

TEST(ForkServer, WaitSaysHowAChildEndedThoughTheServerIsStopped) {
  Echo echo(StartMethod::kForkServer);
  const auto server = open_server();
  server.kill(SIGSTOP);
  echo.child.kill(SIGKILL);
  EXPECT_EQ(outcome(echo.child).signal(), SIGKILL);
  server.kill(SIGCONT);
}

TEST(ForkServer, ThatIsStoppedIsNamedByStartAndGoesOnWhenItIsContinued) {
  const Echo before(StartMethod::kForkServer);
  const auto server = open_server();
  server.kill(SIGSTOP);
  for (int i = 0; i < 3; ++i) {
    try {
      const Echo echo(StartMethod::kForkServer);
      FAIL() << "no error";
    } catch (const ForkServerStopped& e) {
      EXPECT_NE(std::string(e.what()).find("kill -CONT " + std::to_string(ForkServer::instance().pid())),
                std::string::npos)
          << e.what();
    }
  }
  server.kill(SIGCONT);
  Echo echo(StartMethod::kForkServer);
  EXPECT_EQ(echo.ask("again"), "again");
}

TEST(ForkServer, ChildrenEndWithItWhenItIsTerminated) {
  Echo echo(StartMethod::kForkServer);
  auto stubborn = start_child(StartMethod::kForkServer, {[](std::span<const std::byte>, std::vector<OwnedFd> fds) {
                                                           ::signal(SIGTERM, SIG_IGN);
                                                           send_text(FdSocket(std::move(fds.at(0))), "deaf");
                                                           return stay({}, {});
                                                         },
                                                         {},
                                                         {},
                                                         "stubborn"});
  EXPECT_EQ(outcome(stubborn).code(), 1) << "it had no descriptor";
  auto [ours, theirs] = FdSocket::pair();
  stubborn = start_child(StartMethod::kForkServer, {[](std::span<const std::byte>, std::vector<OwnedFd> fds) {
                                                      ::signal(SIGTERM, SIG_IGN);
                                                      send_text(FdSocket(std::move(fds.at(0))), "deaf");
                                                      return stay({}, {});
                                                    },
                                                    {},
                                                    {theirs.fd()},
                                                    "stubborn"});
  EXPECT_EQ(receive_text(ours), "deaf");
  open_server().kill(SIGTERM);
  EXPECT_EQ(outcome(echo.child).signal(), SIGTERM);
  EXPECT_TRUE(stubborn.wait(seconds(3))) << "SIGKILL follows";
}

TEST(ForkServer, RefusesAFunctionItDoesNotHave) {
  ChildRequest request{identify(do_nothing), {}, "unknown function"};
  request.entry.build_id[0] ^= 1;
  request.entry.module = "/lib/rebuilt.so";
  try {
    ForkServer::instance().start(request, {});
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("unknown function"), HasSubstr("/lib/rebuilt.so"), HasSubstr("build-id")));
  }
  Echo echo(StartMethod::kForkServer);
  EXPECT_EQ(echo.ask("the server goes on"), "the server goes on");
}

TEST(ForkServer, RefusesARequestItCannotReadAndGoesOn) {
  ChildRequest request{identify(do_nothing), {}, "x"};
  request.entry.build_id.clear();
  EXPECT_THROW(ForkServer::instance().start(request, {}), std::runtime_error);
  EXPECT_THROW(ForkServer::instance().start({}, {}), std::runtime_error);
  EXPECT_THROW(start_child(StartMethod::kForkServer, {do_nothing, {}, {-1}, "bad descriptor"}), std::runtime_error);
  EXPECT_THROW(start_child(StartMethod::kForkServer, {do_nothing, {}, std::vector<int>(300, 1), "too many"}),
               std::runtime_error);
  Echo echo(StartMethod::kForkServer);
  EXPECT_EQ(echo.ask("alive"), "alive");
}

TEST(ForkServer, IsSingleThreadedAndNamed) {
  const auto pid = ForkServer::instance().pid();
  Echo echo(StartMethod::kForkServer);
  std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  comm >> name;
  EXPECT_EQ(name, "millrace-server");
}

TEST(ForkServer, AProgramThatForksByItselfLeavesItWhole) {
  Echo echo(StartMethod::kForkServer);
  const auto server_before = ForkServer::instance().pid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    // Its own server, not a share of its parent's.
    auto child = start_child(StartMethod::kForkServer, {do_nothing, {}, {}, "grandchild"});
    const bool fine = child.wait(kLong).value().code() == 0 && ForkServer::instance().pid() != server_before;
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(ExitStatus(status).code(), 0);
  EXPECT_EQ(echo.ask("ours"), "ours");
  EXPECT_EQ(ForkServer::instance().pid(), server_before);
}

TEST(StartChild, ErrorsAtTheStartLeaveNoProcessAndNoDescriptor) {
  const auto children = test::children_of_this_process();
  const auto before = test::open_descriptors();
  for (const auto method : {StartMethod::kFork, StartMethod::kForkServer, StartMethod::kSpawn})
    EXPECT_THROW(start_child(method, {do_nothing, {}, {-1}, "bad descriptor"}), std::runtime_error);
  EXPECT_EQ(test::children_of_this_process(), children);
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Init, TakesTheArgumentsOfAMainThatDeclaresThemConst) {
  const char* arguments[] = {"program", nullptr};
  init(1, arguments);  // A second call, which does nothing.
  EXPECT_TRUE(init_was_called());
}

TEST(ExitStatus, SaysHowAProcessEnded) {
  EXPECT_EQ(ExitStatus(W_EXITCODE(3, 0)).str(), "exited with code 3");
  EXPECT_EQ(ExitStatus(W_EXITCODE(0, SIGKILL)).str(), "was killed by signal 9 (SIGKILL)");
  EXPECT_EQ(ExitStatus(W_EXITCODE(0, SIGSEGV) | WCOREFLAG).signal(), SIGSEGV);
  EXPECT_EQ(ExitStatus::unknown().str(), "ended together with the fork server");
  EXPECT_EQ(ExitStatus::unknown().code(), std::nullopt);
  EXPECT_EQ(ExitStatus::unknown().signal(), std::nullopt);
  EXPECT_EQ(ExitStatus(W_EXITCODE(255, 0)).exitcode(), 255);
  EXPECT_EQ(ExitStatus(W_EXITCODE(0, SIGTERM)).exitcode(), -15);
  EXPECT_EQ(signal_name(SIGBUS), "SIGBUS");
  EXPECT_EQ(signal_name(77), "signal 77");
}

TEST(TypeName, IsWhatOneWouldWrite) {
  EXPECT_EQ(type_name(typeid(std::runtime_error)), "std::runtime_error");
  EXPECT_EQ(type_name(typeid(std::vector<int>)), "std::vector<int, std::allocator<int> >");
}

}  // namespace
}  // namespace millrace
