// What is left of the others when one process of the family dies or was started wrongly. Each case runs a program of
// its own as the trainer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/sanitizer.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace {
namespace {

using std::chrono::seconds;
using test::kLong;
using test::Program;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kChildren = 4;

// A program with children, and pidfds of all of them.
struct Family {
  Program trainer;
  std::vector<std::pair<pid_t, PidFd>> children;
  std::pair<pid_t, PidFd> server;

  explicit Family(StartMethod method)
      : trainer({test::built("tests/sharing_helper"), "trainer", to_string(method), std::to_string(kChildren)}) {
    // They run and wait for nothing, so their numbers are still theirs.
    for (std::string line; (line = trainer.line()) != "ready";) {
      const pid_t pid = std::stoi(line.substr(line.find(' ')));
      if (line.starts_with("server"))
        server = {pid, PidFd::open(pid)};
      else
        children.emplace_back(pid, PidFd::open(pid));
    }
    EXPECT_EQ(children.size(), size_t{kChildren});
  }
};

// Orphans come to us instead of to the machine's init, so that what becomes of them does not depend on that.
class AdoptOrphans {
 public:
  AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

class TrainerDeath : public testing::TestWithParam<std::tuple<StartMethod, int>> {};
INSTANTIATE_TEST_SUITE_P(, TrainerDeath,
                         testing::Combine(test::every_start_method(), testing::Values(SIGKILL, SIGTERM, SIGHUP)),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) + "_" +
                                  signal_name(std::get<1>(tested.param));
                         });

TEST_P(TrainerDeath, EndsServerAndChildrenAndLeavesNoZombie) {
  const auto [method, signal] = GetParam();
  const AdoptOrphans adopt;
  const auto before = test::children_of_this_process();
  Family family(method);
  // A stopped child cannot even run its own handlers.
  family.children.back().second.kill(SIGSTOP);
  family.trainer.pidfd().kill(signal);
  EXPECT_EQ(family.trainer.wait().signal(), signal);
  EXPECT_TRUE(family.server.second.wait_ended(seconds(3))) << "the server lives on";
  for (const auto& [pid, process] : family.children) EXPECT_TRUE(process.wait_ended(seconds(3))) << "a child lives on";
  // The trainer's own children became ours: the server, or the keeper of one that was executed, which has reaped it.
  // What the server started, the server has reaped.
  for (const auto& [pid, process] : family.children) {
    if (method == StartMethod::kForkServer)
      EXPECT_EQ(test::process_state(pid), '\0') << "the server left a zombie";
    else
      EXPECT_EQ(process.reap(), SIGKILL);
  }
  for (const pid_t pid : test::children_of_this_process()) {
    if (before.contains(pid)) continue;
    const auto orphan = PidFd::open(pid);
    EXPECT_TRUE(orphan.wait_ended(seconds(3))) << "a process of the family lives on";
    EXPECT_TRUE(orphan.reap());
  }
  EXPECT_EQ(test::process_state(family.server.first), '\0') << "a zombie";
}

TEST(ServerDeath, ByKillEndsItsChildren) {
  const AdoptOrphans adopt;
  Family family(StartMethod::kForkServer);
  family.server.second.kill(SIGKILL);
  for (const auto& [pid, process] : family.children) {
    EXPECT_TRUE(process.wait_ended(seconds(3)));
    EXPECT_EQ(process.reap(), SIGKILL);
  }
}

TEST(CtrlC, LeavesServerAndChildrenToTheTrainer) {
  // Sent as the terminal does it, to each of the group, save for the trainer.
  Family family(StartMethod::kForkServer);
  family.server.second.kill(SIGINT);
  for (const auto& [pid, process] : family.children) process.kill(SIGINT);
  EXPECT_FALSE(family.server.second.wait_ended(std::chrono::milliseconds(20)));
  for (const auto& [pid, process] : family.children) EXPECT_FALSE(process.wait_ended(std::chrono::milliseconds(0)));
}

// The helper, with a library that starts a thread before main().
Program run_beside_thread(const std::string& when) {
  return Program({"/usr/bin/env", "LD_PRELOAD=" + test::built("tests/libsharing_early_thread.so"),
                  "ASAN_OPTIONS=verify_asan_link_order=0", "MILLRACE_TEST_EARLY_THREAD=" + when,
                  test::built("tests/sharing_helper"), "each_way"});
}

TEST(Init, BesideThreadsOfTheProgramItselfStartsProcessesInOtherWays) {
  Program program({test::built("tests/sharing_helper"), "threads"});
  EXPECT_EQ(program.line(), "fork starts");
  EXPECT_EQ(program.line(), "spawn starts");
  EXPECT_EQ(program.line(), "forkserver starts") << "the program executed afresh has none, as it is given no arguments";
  EXPECT_EQ(program.wait().code(), 0);
}

TEST(Init, BesideAThreadOfAToolStartsTheServerAfresh) {
  Program program = run_beside_thread("first");
  EXPECT_EQ(program.line(), "fork starts");
  EXPECT_EQ(program.line(), "spawn starts");
  EXPECT_EQ(program.line(), "forkserver starts");
  EXPECT_EQ(program.wait().code(), 0);
}

TEST(Init, WhereTheServerHasThreadsTooNamesTheirLibraryAndOtherMethodsWork) {
  if (test::kSanitizerHasAThread) GTEST_SKIP() << "the sanitizer's own thread is named as well";
  Program program = run_beside_thread("always");
  EXPECT_EQ(program.line(), "fork starts");
  EXPECT_EQ(program.line(), "spawn starts");
  EXPECT_THAT(program.line(), AllOf(HasSubstr("'early-thread' of "), HasSubstr("libsharing_early_thread.so"),
                                    HasSubstr("OPENBLAS_NUM_THREADS=1"), HasSubstr("kSpawn"), HasSubstr("0 workers")));
  EXPECT_EQ(program.wait().code(), 0);
}

TEST(Marker, ThatAnotherProcessLeftBehindIsIgnored) {
  for (const std::string& marker : {std::string("1"), std::string("x"), std::to_string(::getpid())}) {
    Program program(
        {"/usr/bin/env", "MILLRACE_EXECUTED_BY=" + marker, test::built("tests/sharing_helper"), "each_way"});
    EXPECT_EQ(program.line(), "fork starts") << marker;
    EXPECT_EQ(program.wait().code(), 0) << marker;
  }
}

class ClosedStreams : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, ClosedStreams, testing::Values("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"));

TEST_P(ClosedStreams, AreNoSocketsOfOursAndMayBePrintedTo) {
  Program program({"/bin/sh", "-c", "exec '" + test::built("tests/sharing_helper") + "' streams " + GetParam()});
  EXPECT_EQ(program.wait().code(), 0);
}

// What the helper says of a limit of that kind when it has met it.
std::string error_at_limit(const std::string& kind, const std::string& limit, StartMethod method) {
  Program program({test::built("tests/sharing_helper"), "limit", kind, limit, to_string(method)});
  EXPECT_EQ(program.line(), "init") << "init() is not what fails";
  const auto error = program.line();
  EXPECT_EQ(program.wait().code(), 0);
  return error;
}

class Limit : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, Limit, test::every_start_method(), test::start_method_name);

TEST_P(Limit, OfOpenFilesIsNamedWithItsNumberAndTheCure) {
  if (test::kSanitizerNeedsRoom) GTEST_SKIP() << "a sanitizer looks at objects by way of a pipe";
  EXPECT_THAT(error_at_limit("files", "64", GetParam()),
              AllOf(HasSubstr("this process may have 64 files open"), HasSubstr("(ulimit -n)")));
}

TEST_P(Limit, OfProcessesIsNamedWithItsNumberAndTheCure) {
  if (test::kSanitizerNeedsRoom) GTEST_SKIP() << "a sanitizer cannot look into a process of another user";
  for (const std::string limit : {"1", "3"})
    EXPECT_THAT(error_at_limit("processes", limit, GetParam()),
                AllOf(HasSubstr("this user may have " + limit + " processes"), HasSubstr("(ulimit -u)")));
}

TEST(SharedMemory, BeyondTheLimitOfFileSizesIsAnErrorAndNoDeath) {
  EXPECT_THAT(error_at_limit("file_size", "1048576", StartMethod::kFork),
              AllOf(HasSubstr("2097152 bytes"), HasSubstr("files and shared memory of 1048576 bytes"),
                    HasSubstr("(ulimit -f)")));
}

TEST(SharedMemory, BeyondTheLimitOfAddressSpaceNamesIt) {
  if (test::kSanitizerNeedsRoom) GTEST_SKIP() << "a sanitizer maps terabytes";
  EXPECT_THAT(error_at_limit("address_space", "33554432", StartMethod::kFork),
              AllOf(HasSubstr("this process may map "), HasSubstr("(ulimit -v)")));
}

// How the fork server came to be.
class OwnWaiting : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, OwnWaiting, testing::Values("forked", "executed"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(OwnWaiting, FindsTheProgramsChildrenOnly) {
  Program program({test::built("tests/sharing_helper"), "wait", GetParam()});
  EXPECT_EQ(program.line(), "0 signals") << "a fork server's end was told";
  EXPECT_EQ(program.line(), "2 children, 1 signals");
  EXPECT_EQ(program.wait().code(), 0);
}

class ProgramEnd : public testing::TestWithParam<std::tuple<StartMethod, const char*>> {};
INSTANTIATE_TEST_SUITE_P(, ProgramEnd,
                         testing::Combine(test::every_start_method(), testing::Values("forked", "executed")),
                         [](const auto& tested) {
                           return std::string(to_string(std::get<0>(tested.param))) + "_" + std::get<1>(tested.param);
                         });

TEST_P(ProgramEnd, LeavesNoZombieToAnInitThatReapsNobody) {
  const AdoptOrphans adopt;
  const auto before = test::children_of_this_process();
  {
    Program program(
        {test::built("tests/sharing_helper"), "end", to_string(std::get<0>(GetParam())), std::get<1>(GetParam())});
    EXPECT_EQ(program.wait().code(), 0);
  }
  EXPECT_EQ(test::children_of_this_process(), before) << "it has left processes, which came to us";
}

class DroppedChildren : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, DroppedChildren, test::every_start_method(), test::start_method_name);

TEST_P(DroppedChildren, ThatHaveEndedAreReapedAtTheNextStart) {
  Program program({test::built("tests/sharing_helper"), "drop", to_string(GetParam())});
  EXPECT_EQ(program.line(), "0 zombies, 0 descriptors more");
  EXPECT_EQ(program.wait().code(), 0);
}

class StartAtProgramEnd : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, StartAtProgramEnd, test::every_start_method(), test::start_method_name);

TEST_P(StartAtProgramEnd, IsRefusedToAThreadThatRunsOn) {
  Program program({test::built("tests/sharing_helper"), "end_starting", to_string(GetParam())});
  EXPECT_THAT(program.line(), HasSubstr("no process can be started while this one ends"));
  EXPECT_EQ(program.wait().code(), 0);
}

class WithoutInit : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, WithoutInit, testing::Values(StartMethod::kForkServer, StartMethod::kSpawn),
                         test::start_method_name);

TEST_P(WithoutInit, StartingAChildNamesTheMissingLineAndRunsMainOnce) {
  Program program({test::built("tests/sharing_helper"), "no_init", to_string(GetParam())});
  EXPECT_THAT(program.line(), HasSubstr("millrace::init(argc, argv)"));
  EXPECT_EQ(program.wait().code(), 2);
  EXPECT_EQ(program.errors(), "main\n") << "main() ran more than once";
}

TEST(WithoutInitFork, NeedsNone) {
  Program program({test::built("tests/sharing_helper"), "no_init", to_string(StartMethod::kFork)});
  EXPECT_THAT(program.line(), HasSubstr("child "));
  EXPECT_EQ(program.wait().code(), 0);
}

}  // namespace
}  // namespace millrace
