#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/pool/pool.h"
#include "millrace/tests/support/process_probe.h"
#include "millrace/tests/support/start_methods.h"

namespace millrace::multiprocessing {
namespace {

using test::kLong;

constexpr size_t kCalls = 100'000;

// How often each call has begun and ended, in memory that the workers share with the test.
struct Tally {
  std::atomic<uint8_t> begun[kCalls];
  std::atomic<uint8_t> ended[kCalls];
};

MappedSegment g_tally;
Tally& tally() { return *reinterpret_cast<Tally*>(g_tally.data()); }

void open_tally(OwnedFd fd) { g_tally = MappedSegment(SharedSegment::adopt(std::move(fd)), Access::kReadWrite); }

size_t count(size_t call, const std::string& text) {
  ++tally().begun[call];
  for (volatile size_t spin = call % 64 * 1'000; spin > 0;) spin = spin - 1;
  ++tally().ended[call];
  return call + text.size();
}

class PoolKill : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, PoolKill, test::every_start_method(), test::start_method_name);

TEST_P(PoolKill, OfWorkersAtRandomMomentsFailsWhatWasRunningAndNothingElse) {
  const int kills = GetParam() == StartMethod::kSpawn ? 100 : 1'000;
  auto random = test::seeded_generator();
  const test::Watchdog watchdog("the pool's kill test", std::chrono::seconds(240));
  const auto segment = SharedSegment::create("tally", sizeof(Tally), "");
  open_tally(OwnedFd(::dup(segment.fd())));
  {
    Pool first(PoolOptions(1).start_method(GetParam()));
  }
  const auto descriptors = test::open_descriptors();
  const auto names = test::shared_memory_names();
  size_t lost = 0, submitted = 0;
  {
    Pool pool(PoolOptions(3).start_method(GetParam()).initializer(open_tally, OwnedFd(::dup(segment.fd()))));
    for (int killed = 0; killed < kills;) {
      std::vector<AsyncResult<size_t>> results;
      const size_t first = submitted;
      // Some travel on the board and some do not.
      for (size_t i = 0; i < 40; ++i, ++submitted)
        results.push_back(pool.apply_async(count, submitted % kCalls, std::string(i == 7 ? 5'000 : 3, 'x')));
      for (int i = 0; i < 2; ++i, ++killed) {
        for (volatile uint64_t spin = random() % 500'000; spin > 0;) spin = spin - 1;
        const auto workers = pool.worker_pids();
        if (!workers.empty()) ::kill(workers[random() % workers.size()], SIGKILL);
      }
      for (size_t i = 0; i < results.size(); ++i) {
        const size_t call = first + i;
        ASSERT_TRUE(results[i].wait(kLong)) << "call " << call << " hangs";
        const int begun = tally().begun[call];
        const int ended = tally().ended[call];
        try {
          ASSERT_EQ(results[i].get(), call + (i == 7 ? 5'000 : 3));
          ASSERT_EQ(begun, 1) << "a call ran twice";
          ASSERT_EQ(ended, 1);
        } catch (const WorkerLost& e) {
          ++lost;
          EXPECT_EQ(e.signal(), SIGKILL);
          ASSERT_LE(begun, 1) << "a lost call was repeated";
        }
      }
    }
    EXPECT_EQ(pool.apply([] { return 5; }), 5);
    pool.close();
    pool.join();
  }
  std::printf("%d kills, %zu calls, %zu of them lost\n", kills, submitted, lost);
  EXPECT_LE(lost, static_cast<size_t>(kills)) << "a worker runs one call at a time";
  EXPECT_EQ(test::open_descriptors(), descriptors);
  EXPECT_EQ(test::shared_memory_names(), names);
  EXPECT_TRUE(active_children().empty());
}

}  // namespace
}  // namespace millrace::multiprocessing
