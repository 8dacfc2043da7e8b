// Forks beside threads: what a child does before its target must wait for nothing that only another thread could give.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/sync/lock.h"
#include "millrace/tests/support/process_probe.h"

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

}  // namespace
}  // namespace millrace::fork_test
