// What a loader says while it waits, and of what it mends. As in engine_test.cpp there is no process, no thread and no
// sleep: workers do what a test says, in time that passes as it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/loader/engine/engine.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/tests/loader/engine/fake_engine.h"
#include "millrace/tests/loader/engine/fakes.h"
#include "millrace/tests/support/notices.h"

namespace millrace::notices_test {
namespace {

using engine_fakes::FakeCrew;
using engine_fakes::FakeEngine;
using engine_fakes::FakeEvents;
using engine_fakes::FakeSource;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A loader of 20 samples in batches of four, of which two are open, and its two workers.
struct EngineNotices : testing::Test, engine_fakes::FakeEngine {
  static DataLoaderOptions options() { return DataLoaderOptions(4).num_workers(2); }

  void make(const DataLoaderOptions& options) { FakeEngine::make(options, Source::Kind::kRows, "cat.jpg"); }

  // All that is open, but for ranges with the sample `bad`, which fail.
  bool read_all(int64_t bad = -2) const {
    bool any = false;
    while (const auto next = claim(1)) {
      any = true;
      const int64_t index = shared->memory.tickets(next->slot)[next->first].index;
      if (index == bad)
        static_cast<void>(
            shared->workers_board.fail(*next, crew->incarnations[1], engine_fakes::Bench::error(next->first, bad)));
      else
        static_cast<void>(shared->workers_board.finish(*next, crew->incarnations[1]));
    }
    return any;
  }

  // Nothing happens for so long.
  void read_after(std::chrono::nanoseconds silence) const {
    events->meanwhile = [this, silence] { return events->time - FakeEvents().time >= silence && read_all(); };
  }

  void read_to_the_end_of_the_epoch() {
    while (engine->next()) continue;
  }

  // Worker 0 claims a range, notes what it reads, and ends.
  void die_reading(int64_t sample) const {
    claim(0).value();
    Beacon& beacon = shared->board.beacon(0);
    beacon.phase = WorkerPhase::kReading;
    beacon.sample = sample;
    crew->deaths.emplace(0, crew->death(0));
    events->ended = {0};
  }

  const test::Notices notices;
};

TEST_F(EngineNotices, SayWhatIsAwaitedAfterTenSecondsAndAgainWheneverTheWaitIsTwiceAsLong) {
  make(options());
  read_after(seconds(45));
  engine->next();
  EXPECT_THAT(notices.texts(),
              ElementsAre(StartsWith("DataLoader: batch 0 of epoch 0 has not come for 10.0 s: worker 0 (pid 100) "),
                          HasSubstr("for 20.0 s"), HasSubstr("for 40.0 s")));
  EXPECT_EQ(notices.all()[0].level, NoticeLevel::kWarning);
}

TEST_F(EngineNotices, SayWhatEachWorkerDoesAndWhatTheKernelSaysOfIt) {
  make(options());
  crew->kernel_states = {{0, "stopped"}, {1, "waits in folio_wait_bit_common"}};
  Beacon& beacon = shared->board.beacon(0);
  beacon.phase = WorkerPhase::kReading;
  beacon.sample = 5;
  beacon.since_ns = events->time.time_since_epoch().count();
  read_after(seconds(11));
  engine->next();
  EXPECT_THAT(notices.texts(),
              ElementsAre(EndsWith(": worker 0 (pid 100) reads sample 5 (cat.jpg), in this range for 10.0 s (stopped), "
                                   "worker 1 (pid 101) builds its dataset (waits in folio_wait_bit_common)")));
}

TEST_F(EngineNotices, ComeWhenTheOptionSays) {
  make(options().notice_after(seconds(2)));
  read_after(seconds(3));
  engine->next();
  EXPECT_THAT(notices.texts(), ElementsAre(HasSubstr("for 2.0 s")));
}

TEST_F(EngineNotices, AreOffWithZero) {
  make(options().notice_after(seconds(0)));
  read_after(seconds(100));
  engine->next();
  EXPECT_THAT(notices.texts(), IsEmpty());
}

TEST_F(EngineNotices, NameNoBatchWhereAnyWillDo) {
  make(options().in_order(false));
  read_after(seconds(11));
  engine->next();
  EXPECT_THAT(notices.texts(), ElementsAre(StartsWith("DataLoader: a batch has not come for 10.0 s: ")));
}

TEST_F(EngineNotices, SayThatWorkersDoNotGetReady) {
  make(options());
  crew->ready = false;
  events->meanwhile = [this] {
    if (events->time - FakeEvents().time < seconds(12)) return false;
    crew->ready = true;
    return true;
  };
  engine->wait_ready();
  EXPECT_THAT(notices.texts(),
              ElementsAre(AllOf(StartsWith("DataLoader: wait_ready() has waited 10.0 s for workers to build their "),
                                HasSubstr("worker 0 (pid 100) builds its dataset"))));
}

TEST_F(EngineNotices, ComeBetweenTheRangesOfALoaderWithoutWorkers) {
  make(options());
  int ranges = 0;
  crew->on_fill_one = [&] {
    events->time += seconds(4);
    if (++ranges == 4) return read_all();
    return true;
  };
  engine->next();
  EXPECT_THAT(notices.texts(), ElementsAre(HasSubstr("has not come for 12.0 s")));
}

TEST_F(EngineNotices, TellTheFirstDeathAtOnceAndSumUpTheOthers) {
  make(options().retries(5));
  events->meanwhile = [this, deaths = 0]() mutable {
    if (deaths++ == 3) return read_all();
    die_reading(deaths);
    return true;
  };
  engine->next();
  EXPECT_THAT(notices.texts(),
              ElementsAre(AllOf(StartsWith("DataLoader: worker 0 (pid 100) was killed by "),
                                HasSubstr(" while reading sample 1 (cat.jpg), and another takes its place; 1 of its "
                                          "samples is read again"))));
  read_after(seconds(0));
  read_to_the_end_of_the_epoch();
  EXPECT_THAT(notices.texts().back(), StartsWith("DataLoader: in epoch 0, 3 worker processes died and were replaced, "
                                                 "and 3 of their samples were read again"));
  EXPECT_EQ(notices.all().size(), 2U);
  EXPECT_EQ(engine->stats().retried_samples, 3U);
}

TEST_F(EngineNotices, TellTheFirstSampleThatIsLeftOutAtOnce) {
  make(options().on_error(OnError::kSkip));
  events->meanwhile = [this] { return read_all(2); };
  engine->next();
  EXPECT_THAT(notices.texts(),
              ElementsAre(AllOf(StartsWith("DataLoader: a sample could not be read and was left out: "),
                                HasSubstr(". Others are counted"))));
}

}  // namespace
}  // namespace millrace::notices_test
