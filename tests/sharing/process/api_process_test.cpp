// The cases of CPython's test_multiprocessing for Process, contexts and start methods that have a meaning in C++, and
// what this library adds to them. Each runs under every start method.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/context.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace::multiprocessing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kLong;
using test::receive_text;
using test::send_text;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

void do_nothing() {}

// Says that it runs, and stays until it is told to go.
void stay(OwnedFd fd) {
  const FdSocket socket(std::move(fd));
  send_text(socket, "ready");
  socket.receive();
}

class ProcessApi : public testing::TestWithParam<StartMethod> {
 protected:
  const Context context{GetParam()};

  // A process that stays, and our end of its socket.
  struct Staying {
    Process process;
    FdSocket socket;

    void let_go() const { send_text(socket, "go"); }
  };

  Staying start_staying() const {
    auto [ours, theirs] = FdSocket::pair();
    Staying staying{context.Process(stay, theirs.take()), std::move(ours)};
    staying.process.start();
    EXPECT_EQ(receive_text(staying.socket), "ready");
    return staying;
  }

  // What a function that writes to a socket says.
  template <class F, class... Arguments>
  std::string answer_of(F function, Arguments&&... arguments) const {
    auto [ours, theirs] = FdSocket::pair();
    auto process = context.Process(function, theirs.take(), std::forward<Arguments>(arguments)...);
    process.start();
    const auto text = receive_text(ours);
    EXPECT_TRUE(process.join(kLong));
    EXPECT_EQ(process.exitcode(), 0);
    return text;
  }

  template <class F, class... Arguments>
  std::optional<int> exitcode_of(F function, Arguments&&... arguments) const {
    auto process = context.Process(function, std::forward<Arguments>(arguments)...);
    process.start();
    EXPECT_TRUE(process.join(kLong));
    return process.exitcode();
  }
};
INSTANTIATE_TEST_SUITE_P(, ProcessApi, test::every_start_method(), test::start_method_name);

TEST_P(ProcessApi, RunsItsTargetWithItsArgumentsInAnotherProcess) {
  const auto tell = [](OwnedFd fd, int number, const std::string& text, std::vector<double> values) {
    send_text(FdSocket(std::move(fd)), std::to_string(number) + text + std::to_string(values.size()) +
                                           (::getpid() == number ? "same" : "other"));
  };
  EXPECT_EQ(answer_of(tell, ::getpid(), "x", std::vector<double>(3)), std::to_string(::getpid()) + "x3other");
}

TEST_P(ProcessApi, BeforeItsStartItIsNotAliveAndHasNeitherPidNorExitcode) {
  auto process = context.Process(do_nothing);
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.pid(), std::nullopt);
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_FALSE(process.daemon());
}

TEST_P(ProcessApi, WhileItRunsItIsAliveWithoutExitcode) {
  auto staying = start_staying();
  EXPECT_TRUE(staying.process.is_alive());
  EXPECT_EQ(staying.process.exitcode(), std::nullopt);
  EXPECT_NE(test::process_state(staying.process.pid().value()), '\0');
  staying.let_go();
  EXPECT_TRUE(staying.process.join(kLong));
}

TEST_P(ProcessApi, AfterItsEndItIsNotAliveAndItsExitcodeIsZero) {
  auto process = context.Process(do_nothing);
  process.start();
  EXPECT_TRUE(process.join(kLong));
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_NE(process.pid(), std::nullopt);
}

TEST_P(ProcessApi, JoinWithATimeoutReturnsWhileItRuns) {
  auto staying = start_staying();
  EXPECT_FALSE(staying.process.join(milliseconds(1)));
  EXPECT_FALSE(staying.process.join(milliseconds(0)));
  EXPECT_FALSE(staying.process.join(milliseconds(-5)));
  EXPECT_TRUE(staying.process.is_alive());
  staying.let_go();
  EXPECT_TRUE(staying.process.join(std::nullopt));
  EXPECT_TRUE(staying.process.join(milliseconds(0))) << "again";
}

TEST_P(ProcessApi, JoinBeforeStartIsAnError) { EXPECT_THROW(context.Process(do_nothing).join(), std::logic_error); }

TEST_P(ProcessApi, StartsOnlyOnce) {
  auto process = context.Process(do_nothing);
  process.start();
  EXPECT_THROW(process.start(), std::logic_error);
  process.join();
  EXPECT_THROW(process.start(), std::logic_error);
}

TEST_P(ProcessApi, TerminateEndsItWithSigterm) {
  auto staying = start_staying();
  staying.process.terminate();
  EXPECT_TRUE(staying.process.join(kLong));
  EXPECT_EQ(staying.process.exitcode(), -SIGTERM);
  staying.process.terminate();  // Nothing happens.
}

TEST_P(ProcessApi, KillEndsItWithSigkill) {
  auto staying = start_staying();
  staying.process.kill();
  EXPECT_TRUE(staying.process.join(kLong));
  EXPECT_EQ(staying.process.exitcode(), -SIGKILL);
  EXPECT_FALSE(staying.process.is_alive());
}

TEST_P(ProcessApi, KillEndsItAlsoWhenItIsStopped) {
  auto staying = start_staying();
  ::kill(staying.process.pid().value(), SIGSTOP);
  staying.process.kill();
  EXPECT_TRUE(staying.process.join(kLong));
}

TEST_P(ProcessApi, SentinelBecomesReadableWithItsEnd) {
  auto staying = start_staying();
  const int sentinel = staying.process.sentinel();
  EXPECT_FALSE(poll_readable(sentinel, milliseconds(0)));
  staying.let_go();
  EXPECT_TRUE(poll_readable(sentinel, kLong));
  EXPECT_TRUE(staying.process.join(kLong));
}

TEST_P(ProcessApi, SentinelBeforeStartIsAnError) {
  EXPECT_THROW(context.Process(do_nothing).sentinel(), std::logic_error);
}

TEST_P(ProcessApi, CloseOfARunningProcessIsAnError) {
  auto staying = start_staying();
  EXPECT_THROW(staying.process.close(), std::logic_error);
  staying.let_go();
  staying.process.join();
  staying.process.close();
  EXPECT_THROW(staying.process.is_alive(), std::logic_error);
  EXPECT_THROW(staying.process.join(), std::logic_error);
  EXPECT_THROW(staying.process.terminate(), std::logic_error);
  staying.process.close();  // May be repeated.
}

TEST_P(ProcessApi, AfterCloseNoDescriptorIsLeft) {
  start_staying().process.kill();  // Connects to the fork server, should an earlier test have ended it.
  for (const auto& child : active_children()) ::kill(child.pid, SIGKILL);
  while (!active_children().empty()) std::this_thread::yield();
  const auto before = test::open_descriptors();
  auto process = context.Process(do_nothing);
  process.start();
  process.join();
  process.close();
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST_P(ProcessApi, DroppedProcessesAreReapedByTheNextStart) {
  pid_t pid = 0;
  {
    auto staying = start_staying();
    pid = staying.process.pid().value();
    staying.process.kill();
    staying.process.join();
  }
  auto next = context.Process(do_nothing);
  next.start();
  next.join();
  EXPECT_EQ(test::process_state(pid), '\0');
}

TEST_P(ProcessApi, ExitcodesAreThoseGivenToExit) {
  for (const int code : {0, 1, 3, 77, 255}) EXPECT_EQ(exitcode_of([](int n) { std::exit(n); }, code), code);
}

TEST_P(ProcessApi, DeathBySignalIsMinusTheSignal) {
  for (const int signal : {SIGABRT, SIGUSR1})
    EXPECT_EQ(exitcode_of(
                  [](int n) {
                    ::signal(n, SIG_DFL);
                    std::raise(n);
                  },
                  signal),
              -signal);
}

TEST_P(ProcessApi, ResultOfTheTargetIsIgnored) {
  EXPECT_EQ(exitcode_of([]() -> int { return 5; }), 0);
}

// Into a file, since a test cannot read its own stderr.
template <class F>
std::string stderr_of(const Context& context, F target) {
  const test::OutputFile errors;
  auto process = context.Process(target, OwnedFd(::dup(errors.fd())));
  process.set_name("reader");
  process.start();
  EXPECT_TRUE(process.join(kLong));
  EXPECT_EQ(process.exitcode(), 1);
  return errors.text();
}

[[gnu::noinline]] void throw_somewhere_deep(int depth) {
  if (depth == 0) throw std::out_of_range("sample 7 of 5");
  throw_somewhere_deep(depth - 1);
  asm volatile("");  // Not a tail call, so that there is a frame for each.
}

TEST_P(ProcessApi, ExceptionGoesToStderrWithNameTypeTextAndBacktrace) {
  const auto text = stderr_of(context, [](OwnedFd fd) {
    ::dup2(fd.get(), STDERR_FILENO);
    throw_somewhere_deep(3);
  });
  EXPECT_THAT(text, AllOf(HasSubstr("Process reader (pid "), HasSubstr("std::out_of_range: sample 7 of 5\n"),
                          HasSubstr("#0 "), HasSubstr("throw_somewhere_deep(int)"), HasSubstr("#3 ")));
}

TEST_P(ProcessApi, BacktraceOfAnExceptionThrownInTheStandardLibraryShowsItsCaller) {
  const auto text = stderr_of(context, [](OwnedFd fd) {
    ::dup2(fd.get(), STDERR_FILENO);
    std::vector<int>().at(4);
  });
  EXPECT_THAT(text, AllOf(HasSubstr("std::out_of_range"), HasSubstr("#0 "), HasSubstr("#1 ")));
}

TEST_P(ProcessApi, BacktraceIsThatOfTheExceptionThatEndedIt) {
  const auto text = stderr_of(context, [](OwnedFd fd) {
    ::dup2(fd.get(), STDERR_FILENO);
    try {
      throw_somewhere_deep(1);
    } catch (const std::exception& e) {
      throw std::runtime_error("wrapped");
    }
  });
  EXPECT_THAT(text, AllOf(HasSubstr("std::runtime_error: wrapped\n  #0 "), Not(HasSubstr("throw_somewhere_deep"))));
}

TEST_P(ProcessApi, ExceptionThatIsNoStdExceptionGoesToStderrWithItsType) {
  const auto text = stderr_of(context, [](OwnedFd fd) {
    ::dup2(fd.get(), STDERR_FILENO);
    throw 42;
  });
  EXPECT_THAT(text, HasSubstr("an exception of type int"));
}

TEST_P(ProcessApi, ExitInTheTargetFlushesWhatWasPrinted) {
  const test::OutputFile output;
  const auto print = [](OwnedFd fd) {
    ::dup2(fd.get(), STDOUT_FILENO);
    std::printf("printf ");
    std::cout << "cout";
    std::exit(0);
  };
  EXPECT_EQ(exitcode_of(print, OwnedFd(::dup(output.fd()))), 0);
  EXPECT_EQ(output.text(), "printf cout");
}

TEST_P(ProcessApi, EndOfTheTargetFlushesWhatWasPrinted) {
  const test::OutputFile output;
  const auto print = [](OwnedFd fd) {
    ::dup2(fd.get(), STDOUT_FILENO);
    std::printf("printf ");
    std::cout << "cout";
  };
  EXPECT_EQ(exitcode_of(print, OwnedFd(::dup(output.fd()))), 0);
  EXPECT_EQ(output.text(), "printf cout");
}

TEST_P(ProcessApi, MayCloseItsOwnStreams) {
  const auto close_all = [] {
    std::printf("to nobody");
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
  };
  EXPECT_EQ(exitcode_of(close_all), 0);
}

TEST_P(ProcessApi, ExitRunsTheHandlersThatTheChildRegistered) {
  const test::OutputFile output;
  const auto print = [](OwnedFd fd) {
    ::dup2(fd.get(), STDOUT_FILENO);
    std::atexit([] { std::printf("handler"); });
    std::exit(0);
  };
  EXPECT_EQ(exitcode_of(print, OwnedFd(::dup(output.fd()))), 0);
  EXPECT_EQ(output.text(), "handler");
}

void print_latest_handler() { std::printf("latest "); }

// Says in what order the handlers come, and what they leave out.
void register_at_exit(OwnedFd output, bool throws) {
  ::dup2(output.get(), STDOUT_FILENO);
  std::atexit([] { std::printf("first "); });
  std::atexit(print_latest_handler);
  struct Static {
    ~Static() { std::printf("static "); }
  };
  static Static object;
  if (throws) throw std::runtime_error("thrown on purpose");
}

TEST_P(ProcessApi, EndOfTheTargetRunsTheHandlersThatTheChildRegisteredOnceAndTheLatestFirst) {
  const test::OutputFile output;
  EXPECT_EQ(exitcode_of(register_at_exit, OwnedFd(::dup(output.fd())), false), 0);
  EXPECT_EQ(output.text(), "static latest first ");
}

TEST_P(ProcessApi, AnExceptionRunsTheHandlersThatTheChildRegisteredToo) {
  const test::OutputFile output;
  EXPECT_EQ(exitcode_of(register_at_exit, OwnedFd(::dup(output.fd())), true), 1);
  EXPECT_EQ(output.text(), "static latest first ");
}

TEST_P(ProcessApi, AHandlerMayEndTheChildWithAnotherCode) {
  const auto target = [] { std::atexit([] { std::exit(7); }); };
  EXPECT_EQ(exitcode_of(target), 7);
}

TEST_P(ProcessApi, HandlersOfTheParentAreNotRunAtTheEndOfTheTarget) {
  static const pid_t parent = ::getpid();
  static const bool registered = std::atexit([] {
                                   if (::getpid() != parent) ::_exit(9);
                                 }) == 0;
  ASSERT_TRUE(registered);
  EXPECT_EQ(exitcode_of([] { std::atexit([] {}); }), 0);
}

TEST_P(ProcessApi, HandlersOfAChildAreNotRunByItsOwnChildren) {
  const test::OutputFile output;
  const auto target = [](OwnedFd fd, int method) {
    ::dup2(fd.get(), STDOUT_FILENO);
    std::atexit([] { std::printf("child "); });
    Process grandchild(
        static_cast<StartMethod>(method),
        [](OwnedFd out) {
          ::dup2(out.get(), STDOUT_FILENO);
          std::atexit([] { std::printf("grandchild "); });
        },
        OwnedFd(::dup(STDOUT_FILENO)));
    grandchild.start();
    grandchild.join();
  };
  EXPECT_EQ(exitcode_of(target, OwnedFd(::dup(output.fd())), static_cast<int>(GetParam())), 0);
  EXPECT_EQ(output.text(), "grandchild child ");
}

TEST_P(ProcessApi, ItsMethodIsTheOneOfItsOwnChildrenToo) {
  const auto target = [](int method) { std::exit(get_start_method() == static_cast<StartMethod>(method) ? 0 : 1); };
  EXPECT_EQ(exitcode_of(target, static_cast<int>(GetParam())), 0);
}

TEST_P(ProcessApi, OptionsGiveANameAndADaemonAsKeywordsDo) {
  auto process = context.Process(
      {.name = "reader", .daemon = true},
      +[](int number) {
        const auto self = current_process();
        std::exit(self.name == "reader" && self.daemon && number == 3 ? 0 : 1);
      },
      3);
  EXPECT_EQ(process.name(), "reader");
  EXPECT_TRUE(process.daemon());
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  const Process unnamed({.start_method = GetParam()}, do_nothing);
  EXPECT_THAT(unnamed.name(), testing::StartsWith("Process-"));
  EXPECT_FALSE(unnamed.daemon());
}

// Names and family

TEST_P(ProcessApi, NameCountsTheProcessesOfTheParent) {
  const auto number = [](const Process& process) {
    return std::stoi(process.name().substr(std::string("Process-").size()));
  };
  const auto first = context.Process(do_nothing);
  const auto second = context.Process(do_nothing);
  EXPECT_EQ(number(second), number(first) + 1);
}

TEST_P(ProcessApi, NameMayBeSetAndIsKnownInTheChild) {
  auto [ours, theirs] = FdSocket::pair();
  auto process =
      context.Process([](OwnedFd fd) { send_text(FdSocket(std::move(fd)), current_process().name); }, theirs.take());
  process.set_name("decoder");
  process.start();
  EXPECT_EQ(receive_text(ours), "decoder");
  EXPECT_EQ(process.name(), "decoder");
  process.join();
}

TEST_P(ProcessApi, MainProcessHasNoParentProcess) {
  EXPECT_EQ(current_process().name, "MainProcess");
  EXPECT_EQ(current_process().pid, ::getpid());
  EXPECT_FALSE(parent_process());
}

TEST_P(ProcessApi, ChildKnowsItselfAndItsParent) {
  const auto tell = [](OwnedFd fd) {
    const auto parent = parent_process().value();
    send_text(FdSocket(std::move(fd)), parent.name + " " + std::to_string(parent.pid) + " " +
                                           (current_process().pid == ::getpid() ? "itself" : "somebody"));
  };
  EXPECT_EQ(answer_of(tell), "MainProcess " + std::to_string(::getpid()) + " itself");
}

TEST_P(ProcessApi, GrandchildrenCarryTheWholeLineInTheirNames) {
  const auto tell = [](OwnedFd fd, StartMethod method) {
    Process child(method, [](OwnedFd socket) { send_text(FdSocket(std::move(socket)), current_process().name); }, fd);
    child.start();
    child.join();
  };
  EXPECT_THAT(answer_of(tell, GetParam()), testing::MatchesRegex("Process-[0-9]+:1"));
}

TEST_P(ProcessApi, ProcessesStartProcessesStartProcesses) {
  struct Tree {
    static void grow(OwnedFd fd, StartMethod method, std::vector<int> path) {
      std::string text;
      for (const int n : path) text += std::to_string(n);
      send_text(FdSocket(OwnedFd(::dup(fd.get()))), text + ".");
      if (path.size() == 2) return;
      for (int i = 0; i < 2; ++i) {
        auto longer = path;
        longer.push_back(i);
        Process child(method, grow, fd, method, longer);
        child.start();
        child.join();
      }
    }
  };
  auto [ours, theirs] = FdSocket::pair();
  auto root = context.Process(Tree::grow, theirs.take(), GetParam(), std::vector<int>{});
  root.start();
  std::string seen;
  for (int i = 0; i < 7; ++i) seen += receive_text(ours);
  root.join();
  EXPECT_EQ(seen, ".0.00.01.1.10.11.");
}

TEST_P(ProcessApi, ActiveChildrenAreThoseThatRun) {
  auto process = context.Process(do_nothing);
  process.set_name("not started");
  EXPECT_THAT(active_children(), Not(Contains(Field(&ProcessInfo::name, "not started"))));
  auto staying = start_staying();
  const auto pid = staying.process.pid().value();
  EXPECT_THAT(active_children(), Contains(Field(&ProcessInfo::pid, pid)));
  staying.let_go();
  staying.process.join();
  EXPECT_THAT(active_children(), Not(Contains(Field(&ProcessInfo::pid, pid))));
}

TEST_P(ProcessApi, ChildHasNoChildrenOfItsOwnAtFirst) {
  auto staying = start_staying();
  const auto tell = [](OwnedFd fd) { send_text(FdSocket(std::move(fd)), std::to_string(active_children().size())); };
  EXPECT_EQ(answer_of(tell), "0");
  staying.let_go();
  staying.process.join();
}

// Daemons and ends

TEST_P(ProcessApi, DaemonIsSetBeforeTheStartAndInheritedByChildren) {
  auto [ours, theirs] = FdSocket::pair();
  auto process = context.Process(
      [](OwnedFd fd) {
        const Process child(do_nothing);
        send_text(FdSocket(std::move(fd)), std::to_string(current_process().daemon) + std::to_string(child.daemon()));
      },
      theirs.take());
  process.set_daemon(true);
  EXPECT_TRUE(process.daemon());
  process.start();
  EXPECT_THROW(process.set_daemon(false), std::logic_error);
  EXPECT_EQ(receive_text(ours), "11");
  process.join();
}

TEST_P(ProcessApi, AtItsEndAProcessWaitsForItsChildren) {
  // The middle one returns from its target at once; the grandchild speaks only when it is told to.
  const auto middle = [](OwnedFd fd, StartMethod method) {
    Process child(method, stay, fd);
    child.start();
  };
  auto [ours, theirs] = FdSocket::pair();
  auto process = context.Process(middle, theirs.take(), GetParam());
  process.start();
  EXPECT_EQ(receive_text(ours), "ready");
  EXPECT_FALSE(process.join(milliseconds(20)));
  send_text(ours, "go");
  EXPECT_TRUE(process.join(kLong));
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_P(ProcessApi, AtItsEndAProcessTerminatesItsDaemons) {
  const auto middle = [](OwnedFd fd, StartMethod method) {
    auto [ours, theirs] = FdSocket::pair();
    Process child(method, stay, theirs.take());
    child.set_daemon(true);
    child.start();
    receive_text(ours);
    send_text(FdSocket(std::move(fd)), std::to_string(child.pid().value()));
  };
  const auto daemon = std::stoi(answer_of(middle, GetParam()));
  EXPECT_EQ(test::process_state(daemon), '\0');
}

TEST_P(ProcessApi, NoDescendantOutlivesAKilledProcess) {
  const auto middle = [](OwnedFd fd, StartMethod method) {
    const FdSocket socket(std::move(fd));
    // Started from a thread that ends: the kernel's word of the parent's death would not come.
    std::thread([&] {
      Process child(method, stay, OwnedFd(::dup(socket.fd())));
      child.start();
      send_text(socket, std::to_string(child.pid().value()));
    }).join();
    socket.receive();
  };
  auto [ours, theirs] = FdSocket::pair();
  auto process = context.Process(middle, theirs.take(), GetParam());
  process.start();
  std::vector<std::string> words = {receive_text(ours), receive_text(ours)};
  std::sort(words.begin(), words.end());  // The pid, and the grandchild's "ready".
  // Its end of file says that the last process that holds the socket is gone.
  process.kill();
  process.join();
  EXPECT_TRUE(poll_readable(ours.fd(), kLong));
  EXPECT_FALSE(ours.receive());
  EXPECT_EQ(words[1], "ready");
}

TEST_P(ProcessApi, ManyProcessesAtOnceAllReturn) {
  std::vector<Process> processes;
  for (int i = 0; i < 10; ++i) processes.push_back(context.Process(+[](int n) { std::exit(n); }, i));
  for (auto& process : processes) process.start();
  for (auto& process : processes) EXPECT_TRUE(process.join(kLong));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(processes[static_cast<size_t>(i)].exitcode(), i);
}

TEST_P(ProcessApi, ManyProcessesAtOnceAreAllKilled) {
  std::vector<Staying> all;
  for (int i = 0; i < 10; ++i) all.push_back(start_staying());
  for (auto& staying : all) staying.process.kill();
  for (auto& staying : all) {
    EXPECT_TRUE(staying.process.join(kLong));
    EXPECT_EQ(staying.process.exitcode(), -SIGKILL);
  }
}

TEST_P(ProcessApi, ChildrenDoNotInheritMoreDescriptorsFromOneAnother) {
  const auto count = [](OwnedFd fd) {
    const FdSocket socket(std::move(fd));
    send_text(socket, std::to_string(test::open_descriptors().size()));
    socket.receive();
  };
  std::vector<Staying> children;
  std::vector<std::string> counts;
  for (int i = 0; i < 4; ++i) {
    auto [ours, theirs] = FdSocket::pair();
    children.push_back({context.Process(count, theirs.take()), std::move(ours)});
    children.back().process.start();
    counts.push_back(receive_text(children.back().socket));
  }
  if (GetParam() != StartMethod::kFork) {  // A fork has whatever its parent has.
    EXPECT_THAT(counts, testing::Each(counts.front()));
  }
  for (auto& child : children) {
    child.let_go();
    child.process.join();
  }
}

TEST_P(ProcessApi, StartFromAnotherThreadThanTheMainOneWorks) {
  std::thread([&] { EXPECT_EQ(exitcode_of(do_nothing), 0); }).join();
}

// Counts, and does not have the call that it interrupts begin anew.
std::atomic<int> g_signals = 0;
void count_signal(int) { ++g_signals; }

TEST_P(ProcessApi, JoinGoesOnAfterASignal) {
  struct sigaction counting{}, before{};
  counting.sa_handler = count_signal;
  ::sigaction(SIGUSR1, &counting, &before);
  auto staying = start_staying();
  std::thread interrupting([&, target = ::pthread_self()] {
    for (const int first = g_signals; g_signals < first + 3; std::this_thread::yield()) ::pthread_kill(target, SIGUSR1);
    staying.let_go();
  });
  EXPECT_TRUE(staying.process.join(kLong));
  EXPECT_EQ(staying.process.exitcode(), 0);
  interrupting.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(ProcessApi, SeveralThreadsMayWaitForOneProcess) {
  auto staying = start_staying();
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back([&] { EXPECT_TRUE(staying.process.join(kLong)); });
  EXPECT_TRUE(staying.process.is_alive());
  staying.let_go();
  for (auto& thread : waiting) thread.join();
  EXPECT_EQ(staying.process.exitcode(), 0);
}

TEST_P(ProcessApi, ArgumentsAreTakenWhenTheObjectIsMade) {
  auto [ours, theirs] = FdSocket::pair();
  std::string text = "before";
  auto process = context.Process([](OwnedFd fd, const std::string& said) { send_text(FdSocket(std::move(fd)), said); },
                                 theirs.take(), text);
  text = "after";
  process.start();
  EXPECT_EQ(receive_text(ours), "before");
  process.join();
}

TEST_P(ProcessApi, DescriptorsMovedIntoItAreClosedHereOnceItRuns) {
  auto [ours, theirs] = FdSocket::pair();
  auto process = context.Process(stay, theirs.take());
  process.start();
  EXPECT_EQ(receive_text(ours), "ready");
  process.kill();
  process.join();
  EXPECT_TRUE(poll_readable(ours.fd(), milliseconds(0)));
  EXPECT_FALSE(ours.receive()) << "nobody else holds the other end";
}

// Start methods

// Each in a process that knows of none of this yet.
int run_fresh(ChildEntry entry) {
  auto child = start_child(StartMethod::kFork, {entry, {}, {}, "fresh"});
  return child.wait(kLong).value().exitcode();
}

TEST(StartMethods, ForkServerIsTheDefault) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              return get_start_method() == StartMethod::kForkServer &&
                             get_context().get_start_method() == get_start_method()
                         ? 0
                         : 1;
            }),
            0);
}

TEST(StartMethods, CanBeSetOnce) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              set_start_method(StartMethod::kSpawn);
              if (get_start_method() != StartMethod::kSpawn) return 1;
              try {
                set_start_method(StartMethod::kSpawn);
              } catch (const std::logic_error& e) {
                return std::string(e.what()).find("spawn already") != std::string::npos ? 0 : 2;
              }
              return 3;
            }),
            0);
}

TEST(StartMethods, CannotBeSetAfterTheDefaultWasUsed) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              get_start_method();
              try {
                set_start_method(StartMethod::kFork);
              } catch (const std::logic_error&) {
                return 0;
              }
              return 1;
            }),
            0);
}

TEST(StartMethods, CanBeForcedAfterItWasUsed) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              get_start_method();
              force_start_method(StartMethod::kSpawn);
              return get_start_method() == StartMethod::kSpawn ? 0 : 1;
            }),
            0);
}

TEST(StartMethods, ContextsLeaveTheDefaultUnset) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              auto process = get_context(StartMethod::kFork).Process(do_nothing);
              process.start();
              process.join();
              set_start_method(StartMethod::kSpawn);
              return process.exitcode().value();
            }),
            0);
}

TEST(StartMethods, ChildrenStartTheirChildrenAsTheirParentsDo) {
  EXPECT_EQ(run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
              set_start_method(StartMethod::kFork);
              Process process(+[] { std::exit(get_start_method() == StartMethod::kFork ? 0 : 1); });
              process.start();
              process.join();
              return process.exitcode().value();
            }),
            0);
}

TEST(StartMethods, AreThreeWithTheDefaultFirst) {
  EXPECT_THAT(get_all_start_methods(),
              testing::ElementsAre(StartMethod::kForkServer, StartMethod::kFork, StartMethod::kSpawn));
}

TEST(StartMethods, ForkInheritsLiveObjectsTheOthersDoNot) {
  static int number = 1;
  number = 2;
  for (const auto method : get_all_start_methods()) {
    auto process = get_context(method).Process(+[] { std::exit(number); });
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), method == StartMethod::kFork ? 2 : 1) << to_string(method);
  }
  number = 1;
}

TEST(ProcessObject, OfAnotherProcessIsRefused) {
  static Process* inherited = nullptr;
  Process process(StartMethod::kFork, do_nothing);
  inherited = &process;
  EXPECT_EQ(
      run_fresh([](std::span<const std::byte>, std::vector<OwnedFd>) {
        int refused = 0;
        for (const auto& use : {+[] { inherited->start(); }, +[] { inherited->join(); }, +[] { inherited->kill(); }})
          try {
            use();
          } catch (const std::logic_error&) {
            ++refused;
          }
        return refused;
      }),
      3);
}

TEST(ProcessObject, MovesWithItsProcess) {
  Process process(StartMethod::kFork, do_nothing);
  process.start();
  Process moved = std::move(process);
  EXPECT_TRUE(moved.join(kLong));
  EXPECT_THROW(process.join(), std::logic_error);
}

}  // namespace
}  // namespace millrace::multiprocessing
