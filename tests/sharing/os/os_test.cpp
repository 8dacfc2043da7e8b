#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/duplicate.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/os/memfd.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"
#include "millrace/sharing/process/backtrace.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/sanitizer.h"
#include "millrace/tests/support/usable_fork_server.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using test::kLong;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
OwnedFd some_descriptor() { return OwnedFd(MILLRACE_SYSCALL(::open("/dev/null", O_RDONLY | O_CLOEXEC))); }

TEST(Counted, HasTheWordInTheFormThatGoesWithTheNumber) {
  EXPECT_EQ(counted(1, "picture"), "1 picture");
  EXPECT_EQ(counted(0, "picture"), "0 pictures");
  EXPECT_EQ(counted(uint64_t{2}, "worker process"), "2 worker processes");
  EXPECT_EQ(counted(size_t{2}, "box"), "2 boxes");
  EXPECT_EQ(counted(2, "batch"), "2 batches");
  EXPECT_EQ(counted(2, "epoch"), "2 epochs");
  EXPECT_EQ(counted(2, "entry"), "2 entries");
  EXPECT_EQ(counted(2, "array"), "2 arrays");
}

TEST(Printable, EscapesWhatActsOnATerminal) {
  EXPECT_EQ(printable("a cat/0.jpg"), "a cat/0.jpg");
  EXPECT_EQ(printable("caf\u00e9 \u732b \U0001F408"), "caf\u00e9 \u732b \U0001F408");
  EXPECT_EQ(printable("\x1b[2J\r\n\t\x07\x7f"), "\\x1b[2J\\r\\n\\t\\x07\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\u009b31m \u202egpj.exe \u2028"), "\\x9b31m \\u202egpj.exe \\u2028");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");
  EXPECT_EQ(printable("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80"), "\\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80");
}

TEST(Printable, KeepsTheLinesOfATextThatHasSome) {
  EXPECT_EQ(printable_lines("bad\r\n  #0 main\x1b[2J\n"), "bad\\r\n  #0 main\\x1b[2J\n");
  EXPECT_LT(printable_lines(std::string(1'000'000, '\n')).size(), 300U);
  EXPECT_LT(printable_lines(std::string(1'000'000, 'x')).size(), 3000U);
}

TEST(ExceptionReport, CannotRewriteTheTerminal) {
  EXPECT_EQ((ExceptionReport{"std::runtime_error", "\x1b[2J\rno such file", "  #0 main\n"}.str()),
            "std::runtime_error: \\x1b[2J\\rno such file\n  #0 main\n");
}

TEST(Printable, KeepsTheBeginningAndTheEndOfALongText) {
  const auto cut = printable(std::string(1'000'000, 'a') + "\u732b/picture.jpg");
  EXPECT_LT(cut.size(), 300U);
  EXPECT_THAT(cut, testing::AllOf(testing::StartsWith("aaa"), testing::EndsWith("\u732b/picture.jpg")));
  EXPECT_EQ(printable("0123456789", 9), "012345 ... (1 byte) ... 789");
}

TEST(OwnedFd, ClosesItsDescriptorWhenItDies) {
  int number = -1;
  {
    const auto fd = some_descriptor();
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(OwnedFd, IsEmptyAfterAMoveAndTheTargetOwns) {
  auto first = some_descriptor();
  const int number = first.get();
  const OwnedFd second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the promise.
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(OwnedFd, AssignmentClosesWhatItHeld) {
  auto first = some_descriptor();
  auto second = some_descriptor();
  const int old = first.get();
  first = std::move(second);
  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(is_open(first.get()));
}

TEST(OwnedFd, DuplicatesAreOpenWithoutTheFirst) {
  auto first = some_descriptor();
  const auto second = duplicate(first.get());
  EXPECT_NE(second.get(), first.get());
  first.reset();
  EXPECT_TRUE(is_open(second.get()));
  EXPECT_EQ(::fcntl(second.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_THROW(duplicate(-1), SyscallError);
}

TEST(OwnedFd, AssignmentToItselfKeepsTheDescriptor) {
  auto fd = some_descriptor();
  auto& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(OwnedFd, ReleaseGivesTheDescriptorAwayOpen) {
  auto fd = some_descriptor();
  const OwnedFd owner(fd.release());
  EXPECT_FALSE(fd);
  fd.reset();
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(Syscall, ErrorTellsCallArgumentsAndErrno) {
  const std::string path = "/no/such/file";
  try {
    MILLRACE_SYSCALL(::open(path.c_str(), O_RDONLY), path, 42);
    FAIL() << "opened " << path;
  } catch (const SyscallError& e) {
    EXPECT_EQ(e.code().value(), ENOENT);
    EXPECT_STREQ(e.what(), "open(/no/such/file, 42): No such file or directory");
  }
}

TEST(Syscall, IsNamedAsItsManualPageIs) {
  EXPECT_EQ(detail::name_of_call("::open(path.c_str(), O_RDONLY)"), "open");
  EXPECT_EQ(detail::name_of_call("::syscall(SYS_pidfd_open, pid, 0)"), "pidfd_open");
  EXPECT_EQ(detail::name_of_call("pthread_mutex_lock"), "pthread_mutex_lock");
}

TEST(Syscall, GivesTheResultOfTheCall) {
  const OwnedFd fd(MILLRACE_SYSCALL(::dup(STDOUT_FILENO)));
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(Syscall, RepeatsAnInterruptedCall) {
  int calls = 0;
  const auto interrupted_twice = [&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 7;
  };
  EXPECT_EQ(MILLRACE_SYSCALL(interrupted_twice()), 7);
  EXPECT_EQ(calls, 3);
}

TEST(RegularFile, ThatTheLimitOfOpenFilesForbidsNamesIt) {
  if (test::kSanitizerOpensDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  std::string text;
  ::setrlimit(RLIMIT_NOFILE, &none);
  try {
    detail::open_regular("/dev/null");
  } catch (const std::exception& e) {
    text = e.what();
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(text, HasSubstr("this process may have 0 files open"));
}

TEST(OwnPid, IsTheKernelsInEveryChildHoweverItWasForked) {
  ASSERT_EQ(own_pid(), ::getpid());
  const auto plain_fork = [] { return ::fork(); };
  const auto raw_clone = [] {
    return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  };
  for (const std::function<pid_t()>& start : {std::function<pid_t()>(plain_fork), std::function<pid_t()>(raw_clone)}) {
    const pid_t child = start();
    if (child == 0) {
      const bool is_right = own_pid() == ::getpid() && own_pid() == ::getpid();
      ::_exit(is_right ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(own_pid(), ::getpid());
  }
}

TEST(Memfd, SizeIsSealed) {
  const auto fd = create_memfd("test", 10'000);
  EXPECT_EQ(sealed_size(fd.get()), 10'000u);
  for (const off_t other : {0, 5'000, 20'000}) {
    EXPECT_EQ(::ftruncate(fd.get(), other), -1);
    EXPECT_EQ(errno, EPERM);
  }
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "the seals themselves are final";
}

TEST(Memfd, MemoryIsAllocatedWhenItIsMade) {
  constexpr size_t kBytes = 5'000'000;  // More than one step, and no whole number of pages.
  const auto fd = create_memfd("test", kBytes);
  struct stat status{};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_GE(static_cast<size_t>(status.st_blocks) * 512, kBytes);
}

TEST(Memfd, MayBeEmpty) { EXPECT_EQ(sealed_size(create_memfd("empty", 0).get()), 0u); }

TEST(Memfd, SealedSizeRefusesWhatAnotherCouldTruncate) {
  const OwnedFd fd(MILLRACE_SYSCALL(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  EXPECT_THROW(sealed_size(fd.get()), std::runtime_error);
  ASSERT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_THROW(sealed_size(fd.get()), std::runtime_error) << "it may still grow";
}

TEST(Memfd, SealedSizeRefusesMemoryThatIsNotThere) {
  const OwnedFd fd(MILLRACE_SYSCALL(::memfd_create("sparse", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  ASSERT_EQ(::ftruncate(fd.get(), off_t{1} << 40), 0);
  ASSERT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
  EXPECT_THROW(sealed_size(fd.get()), std::runtime_error) << "whoever reads it would have to pay for a terabyte";
}

TEST(Memfd, OnceFrozenIsNotWrittenByAnyWay) {
  const auto fd = create_freezable_memfd("frozen", 4096);
  EXPECT_FALSE(is_frozen(fd.get()));
  ASSERT_EQ(::pwrite(fd.get(), "a", 1, 0), 1);
  freeze_memfd(fd.get());
  EXPECT_TRUE(is_frozen(fd.get()));
  EXPECT_EQ(::pwrite(fd.get(), "b", 1, 0), -1);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0), MAP_FAILED);
  EXPECT_EQ(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
  void* const mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(::mprotect(mapped, 4096, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(*static_cast<const char*>(mapped), 'a');
  ::munmap(mapped, 4096);
}

TEST(Memfd, SealedSizeRefusesWhatIsNoMemory) {
  const auto fd = some_descriptor();
  EXPECT_THROW(sealed_size(fd.get()), std::runtime_error);
}

// Sends this thread a signal at short intervals while it lives: every wait in it is interrupted again and again.
class SignalStorm {
 public:
  explicit SignalStorm(nanoseconds interval) {
    struct sigaction action{};
    action.sa_handler = [](int) { received.fetch_add(1); };
    ::sigaction(SIGUSR1, &action, &before_);
    received = 0;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGUSR1;
    event._sigev_un._tid = ::gettid();
    MILLRACE_SYSCALL(::timer_create(CLOCK_MONOTONIC, &event, &timer_));
    const timespec every{0, interval.count()};
    const itimerspec when{every, every};
    MILLRACE_SYSCALL(::timer_settime(timer_, 0, &when, nullptr));
  }
  ~SignalStorm() {
    ::timer_delete(timer_);
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

  static inline std::atomic<int> received = 0;

 private:
  timer_t timer_ = nullptr;
  struct sigaction before_{};
};

TEST(Memfd, LargeAllocationEndsUnderAProfilersTimer) {
  const SignalStorm storm(milliseconds(5));
  // Takes many ticks, and the kernel undoes a call that a signal interrupts: in one piece it never ended.
  EXPECT_EQ(sealed_size(create_memfd("profiled", size_t{200} << 20).get()), size_t{200} << 20);
}

TEST(EventFd, SignalBeforeTheWaitIsNotLost) {
  const EventFd event;
  EXPECT_FALSE(poll_readable(event.fd(), milliseconds(0)));
  event.signal();
  event.signal();
  EXPECT_TRUE(poll_readable(event.fd(), milliseconds(0)));
  event.clear();
  EXPECT_FALSE(poll_readable(event.fd(), milliseconds(0)));
  event.clear();  // Of nothing: no error, no wait.
}

TEST(EventFd, SignalNeverBlocksWhenTheCounterIsFull) {
  const EventFd event;
  const uint64_t full = UINT64_MAX - 1;
  ASSERT_EQ(::write(event.fd(), &full, sizeof full), static_cast<ssize_t>(sizeof full));
  event.signal();
  EXPECT_TRUE(poll_readable(event.fd(), milliseconds(0)));
}

TEST(EventFd, WakesAnotherThread) {
  const EventFd event;
  std::thread other([&] { event.signal(); });
  EXPECT_TRUE(poll_readable(event.fd(), kLong));
  other.join();
}

TEST(Epoll, ReportsTheKeysOfWhatIsReady) {
  const EventFd a, b, c;
  Epoll epoll;
  epoll.add(a.fd(), 1);
  epoll.add(b.fd(), UINT64_MAX);
  epoll.add(c.fd(), 3);
  EXPECT_THAT(epoll.wait(milliseconds(0)), IsEmpty());
  a.signal();
  b.signal();
  EXPECT_THAT(epoll.wait(kLong), UnorderedElementsAre(1u, UINT64_MAX));
  epoll.remove(a.fd());
  EXPECT_THAT(epoll.wait(kLong), ElementsAre(UINT64_MAX));
}

TEST(Epoll, ReportsTheEndOfTheOtherSide) {
  auto [ours, theirs] = FdSocket::pair();
  Epoll epoll;
  epoll.add(ours.fd(), 5);
  theirs.close();
  EXPECT_THAT(epoll.wait(kLong), ElementsAre(5u));
}

TEST(Epoll, WaitsNoShorterThanItsTimeout) {
  // 100 µs rounded down would be no wait at all, and its caller would spin.
  Epoll epoll;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(epoll.wait(std::chrono::microseconds(100)), IsEmpty());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::microseconds(100));
}

TEST(Epoll, TakesTheLargestTimeout) {
  const EventFd event;
  event.signal();
  Epoll epoll;
  epoll.add(event.fd(), 1);
  EXPECT_THAT(epoll.wait(nanoseconds::max()), ElementsAre(1u));
  EXPECT_THAT(epoll.wait(nanoseconds(-1)), ElementsAre(1u)) << "a deadline that has passed still looks";
}

TEST(Epoll, ReportsMoreThanOneBufferOfReadyDescriptorsInTurns) {
  std::vector<EventFd> events(100);
  Epoll epoll;
  for (size_t i = 0; i < events.size(); ++i) {
    epoll.add(events[i].fd(), i);
    events[i].signal();
  }
  std::set<uint64_t> seen;
  while (seen.size() < events.size()) {
    for (const auto key : std::vector(epoll.wait(milliseconds(0)))) {
      seen.insert(key);
      events[key].clear();
    }
  }
  EXPECT_THAT(epoll.wait(milliseconds(0)), IsEmpty());
}

TEST(PollReadable, WaitsItsTimeWhileSignalsArrive) {
  const EventFd event;
  const SignalStorm storm(milliseconds(2));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(poll_readable(event.fd(), milliseconds(50)));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(50));
  EXPECT_GT(SignalStorm::received, 0);
}

TEST(PollReadable, IsTrueAtEndOfFile) {
  auto [ours, theirs] = FdSocket::pair();
  theirs.close();
  EXPECT_TRUE(poll_readable(ours.fd(), std::nullopt));
}

// Two words in shared memory: the child waits for the first and answers in the second.
struct FutexPage {
  std::atomic<uint32_t> question;
  std::atomic<uint32_t> answer;
};

TEST(Futex, WakesAcrossProcesses) {
  const auto segment = SharedSegment::create("futex test", sizeof(FutexPage), "nothing");
  const MappedSegment mapped(segment, Access::kReadWrite);
  auto& page = *reinterpret_cast<FutexPage*>(mapped.data());
  ChildSpec spec;
  spec.entry = [](std::span<const std::byte>, std::vector<OwnedFd> fds) {
    const MappedSegment memory(SharedSegment::adopt(std::move(fds.at(0))), Access::kReadWrite);
    auto& words = *reinterpret_cast<FutexPage*>(memory.data());
    while (words.question.load() == 0) futex_wait(words.question, 0, kLong);
    words.answer = words.question + 1;
    futex_wake_all(words.answer);
    return 0;
  };
  spec.fds = {segment.fd()};
  auto child = start_child(StartMethod::kForkServer, spec);
  page.question = 41;
  futex_wake_one(page.question);
  while (page.answer.load() == 0 && !child.wait(nanoseconds(0))) futex_wait(page.answer, 0, milliseconds(100));
  EXPECT_EQ(page.answer.load(), 42u);
  EXPECT_EQ(child.wait(kLong).value().exitcode(), 0);
}

TEST(Futex, ReturnsAtOnceWhenTheWordDiffers) {
  const std::atomic<uint32_t> word = 1;
  futex_wait(word, 0, std::chrono::hours(1));
}

TEST(Futex, ReturnsAtTheDeadline) {
  const std::atomic<uint32_t> word = 0;
  futex_wait(word, 0, milliseconds(1));
  futex_wait(word, 0, nanoseconds(-1));
}

int wait_for_end_of_file(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  FdSocket(std::move(fds.at(0))).receive();
  return 5;
}

TEST(Deadline, GoesByTheTimeThatItIsTold) {
  const Deadline::Clock::time_point start(milliseconds(1000));
  const Deadline tested(milliseconds(250), start);
  EXPECT_FALSE(tested.passed(start + milliseconds(249)));
  EXPECT_TRUE(tested.passed(start + milliseconds(250)));
  EXPECT_EQ(tested.left(milliseconds(100), start), milliseconds(100));
  EXPECT_EQ(tested.left(milliseconds(100), start + milliseconds(249)), milliseconds(1));
  EXPECT_EQ(tested.left(milliseconds(100), start + milliseconds(251)), milliseconds(0));
}

TEST(Deadline, OfAWaitForEverIsNeverPassed) {
  const Deadline::Clock::time_point start(milliseconds(1000));
  const Deadline tested(std::nullopt, start);
  EXPECT_FALSE(tested.passed(start + std::chrono::hours(24 * 365 * 100)));
  EXPECT_EQ(tested.left(milliseconds(100), start), milliseconds(100));
}

TEST(PidFd, TellsLifeFromDeath) {
  auto [ours, theirs] = FdSocket::pair();
  const auto child = start_child(StartMethod::kFork, {wait_for_end_of_file, {}, {theirs.fd()}, "pidfd"});
  const auto pidfd = PidFd::open(child.pid());
  EXPECT_FALSE(pidfd.wait_ended(milliseconds(0)));
  EXPECT_TRUE(pidfd.kill(0));
  EXPECT_TRUE(pidfd.kill(SIGKILL));
  EXPECT_TRUE(pidfd.wait_ended(kLong));
  EXPECT_EQ(pidfd.reap(), SIGKILL);
  EXPECT_FALSE(pidfd.kill(SIGKILL)) << "it is gone";
  EXPECT_EQ(pidfd.reap(), std::nullopt) << "its status has been taken";
  EXPECT_TRUE(pidfd.wait_ended(std::nullopt));
}

TEST(PidFd, OpenOfNoProcessNamesItsNumber) {
  try {
    PidFd::open(999'999'999);
    FAIL();
  } catch (const SyscallError& e) {
    EXPECT_THAT(e.what(), HasSubstr("999999999"));
  }
}

}  // namespace
}  // namespace millrace
