// Forks beside threads: what a child does before its target must wait for nothing that only another thread could give.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/sanitizer.h"

namespace millrace::fork_test {
namespace {

namespace mp = multiprocessing;

using std::chrono::seconds;

// A forked child that runs `body` and exits with 0. Killed when the object goes.
class Forked {
 public:
  template <class Body>
  explicit Forked(Body body) : pid_(::fork()) {
    if (pid_ == 0) {
      body();
      ::_exit(0);
    }
    process_ = PidFd::open(pid_);
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  ~Forked() {
    process_.kill(SIGKILL);
    (void)process_.reap();
  }

  bool ends_within(seconds limit) const { return process_.wait_ended(limit); }

 private:
  pid_t pid_;
  PidFd process_;
};

void spin(int rounds) {
  for (std::atomic<int> done = 0; done < rounds;) ++done;
}

// In a process that has not used a lock yet: a thread does so, and some moments later this one forks.
// True when the child could use the lock as well.
bool fork_beside_first_use(int moments) {
  mp::Lock lock;
  std::atomic<bool> go = false;
  std::thread user([&] {
    while (!go) continue;
    (void)lock.acquire();
    lock.release();
  });
  go = true;
  spin(moments);
  const Forked child([&] {
    (void)lock.acquire(seconds(5));
    lock.release();
  });
  user.join();
  return child.ends_within(seconds(10));
}

TEST(ForkBesideAFirstUse, LeavesTheChildALockThatItCanUse) {
  for (int i = 0; i < 500; ++i) {
    int status = 0;
    const pid_t fresh = ::fork();
    if (fresh == 0) ::_exit(fork_beside_first_use(i) ? 0 : 1);
    ASSERT_EQ(::waitpid(fresh, &status, 0), fresh);
    ASSERT_EQ(status, 0) << "a child is stuck, at try " << i;
  }
}

// What the handlers below have done, while a test asks.
std::string order;
bool asked = false;

void note(const char* what) {
  if (asked) order += what;
}

TEST(ForkHandlers, TakeLocksByRankWhateverTheOrderOfRegistration) {
  at_fork(ForkRank::kIdentity, {[] { note("last "); }, [] { note("first to go "); }, nullptr});
  at_fork(ForkRank::kCudaParking, {[] { note("first "); }, [] { note("last to go "); }, nullptr});
  asked = true;
  {
    const Forked child([] {});
  }
  asked = false;
  EXPECT_EQ(order, "first last first to go last to go ");
}

// Threads that hold, one after another, what a forked child might wait for.
class BusyThreads {
 public:
  explicit BusyThreads(mp::Lock& lock) {
    const std::string library = test::built("tests/libsharing_plugin.so");
    run([] { std::vector<std::string>(100, std::string(100, 'x')).clear(); });
    run([library] {
      // The maps change, and so do the lists of what is to be done at exit.
      void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle != nullptr) ::dlclose(handle);
    });
    run([this] {
      std::fprintf(printed_, "%d", 1);
      std::ostringstream() << 1.5;
      try {
        throw std::runtime_error("a throw");
      } catch (const std::runtime_error& e) {
        std::fputs(e.what(), printed_);
      }
    });
    run([&lock] {
      (void)lock.acquire();
      lock.release();
    });
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;
  ~BusyThreads() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    std::fclose(printed_);
  }

 private:
  template <class Work>
  void run(Work work) {
    threads_.emplace_back([this, work] {
      while (!stop_) work();
    });
  }

  std::FILE* const printed_ = std::fopen("/dev/null", "w");
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

// Takes a shared lock, throws and prints, as a user's function may.
void use_everything(mp::Lock& lock) {
  if (lock.acquire(seconds(20)) != mp::Acquired::kYes) throw std::runtime_error("the shared lock never came");
  lock.release();
  try {
    throw std::runtime_error(std::to_string(1));
  } catch (const std::runtime_error& e) {
    std::printf("%s", "");
  }
}

// How many children the test below forks: the program's environment variable MILLRACE_TEST_FORKS, or as many as a test
// run has time for.
int forks_wanted() {
  const char* const given = std::getenv("MILLRACE_TEST_FORKS");
  return given != nullptr ? std::atoi(given) : 1000;
}

TEST(ForkFromThreads, BesideBusyOnesReachesTheTargetInEveryChild) {
  if (test::kSanitizerHasLocks) GTEST_SKIP() << "the sanitizer's own locks are not let go in children";
  constexpr int kForking = 8;
  mp::Lock lock;
  std::atomic<int> left = forks_wanted();
  std::atomic<int> stuck = 0, failed = 0;
  const BusyThreads others(lock);
  std::vector<std::thread> forking;
  for (int i = 0; i < kForking; ++i)
    forking.emplace_back([&] {
      while (left-- > 0 && stuck == 0) {
        mp::Process process(mp::StartMethod::kFork, use_everything, std::ref(lock));
        process.start();
        if (!process.join(seconds(20))) {
          ++stuck;
          process.kill();
          process.join();
        } else if (process.exitcode() != 0) {
          ++failed;
        }
      }
    });
  for (auto& thread : forking) thread.join();
  EXPECT_EQ(stuck, 0);
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace millrace::fork_test
