// The whole engine with workers that do what a test says, in time that passes as it says. Its shared memory is two
// memfds of this process; there is no other process, no thread and no sleep.

#include "millrace/loader/engine/engine.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/engine/setup.h"
#include "millrace/tests/loader/engine/fake_engine.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::engine_test {
namespace {

using engine_fakes::FakeCrew;
using engine_fakes::FakeEvents;
using engine_fakes::FakeSource;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Source::Kind;
using Indices = std::vector<int64_t>;

constexpr size_t kRanges = 4;  // A batch has, of a sample each.

// A loader of 20 samples in batches of four, of which two are open and two may be held, and its two workers.
struct EngineTest : testing::Test, engine_fakes::FakeEngine {
  static DataLoaderOptions options() { return DataLoaderOptions(4).num_workers(2).seed(7); }

  // --- what workers do ---

  // Writes its index into the row of each sample.
  void finish(size_t worker, const Claim& claim) const {
    std::byte* const slot = shared->memory.slot(claim.slot);
    for (uint32_t row = claim.first; row < claim.last; ++row)
      *shared->layout.row(slot, 0, row) = static_cast<std::byte>(shared->memory.tickets(claim.slot)[row].index);
    static_cast<void>(shared->workers_board.finish(claim, crew->incarnations[worker]));
  }

  // All that is open, but for ranges with that sample, which fail.
  bool read_all_but(int64_t bad) const {
    bool any = false;
    while (const auto next = claim(0)) {
      any = true;
      const int64_t index = shared->memory.tickets(next->slot)[next->first].index;
      if (index == bad) {
        const auto error = engine_fakes::Bench::error(next->first, bad);
        static_cast<void>(shared->workers_board.fail(*next, crew->incarnations[0], error));
      } else {
        finish(0, *next);
      }
    }
    return any;
  }

  bool read_all() const { return read_all_but(-2); }

  void read_all_in_waits() const {
    events->meanwhile = [this] { return read_all(); };
  }

  // Worker 0 ends in the wait at hand.
  void end_worker() const {
    crew->deaths.emplace(0, crew->death(0));
    events->ended = {0};
  }

  // --- what the loader gives ---

  Indices next() { return engine->next().value().indices; }

  // To the end of the epoch.
  std::vector<Indices> rest() {
    std::vector<Indices> batches;
    while (auto delivery = engine->next()) batches.push_back(std::move(delivery->indices));
    return batches;
  }

  template <class Error>
  std::string error_of_next() {
    try {
      engine->next();
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  }

  milliseconds elapsed() const { return std::chrono::duration_cast<milliseconds>(events->time - FakeEvents().time); }
};

// --- order ---

TEST_F(EngineTest, GivesBatchesInTheOrderOfTheSampler) {
  make(options());
  read_all_in_waits();
  EXPECT_THAT(rest(), ElementsAre(Indices{0, 1, 2, 3}, Indices{4, 5, 6, 7}, Indices{8, 9, 10, 11},
                                  Indices{12, 13, 14, 15}, Indices{16, 17, 18, 19}));
  EXPECT_EQ(engine->epoch(), 1);
  EXPECT_EQ(engine->stats().batches, 5U);
  EXPECT_EQ(engine->stats().samples, 20U);
}

TEST_F(EngineTest, GivesTheRowsThatWorkersWrote) {
  make(options());
  read_all_in_waits();
  engine->next();
  const auto delivery = engine->next();
  std::vector<int> rows;
  for (size_t row = 0; row < 4; ++row)
    rows.push_back(std::to_integer<int>(*shared->layout.row(delivery->slot, 0, row)));
  EXPECT_THAT(rows, ElementsAre(4, 5, 6, 7));
}

// In the first wait the second batch is completed and the first one is claimed; in the next one it is finished.
struct OutOfOrder : EngineTest {
  void complete_the_second_first() {
    events->meanwhile = [this, claims = std::vector<Claim>()]() mutable {
      if (claims.empty()) {
        for (size_t r = 0; r < kRanges; ++r) claims.push_back(claim(1).value());
        return read_all();
      }
      for (const auto& held : claims) finish(1, held);
      read_all_in_waits();
      return true;
    };
  }
};

TEST_F(OutOfOrder, WaitsForTheBatchWhoseTurnItIs) {
  make(options());
  complete_the_second_first();
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(next(), (Indices{4, 5, 6, 7}));
}

TEST_F(OutOfOrder, GivesWhatIsCompleteWhereOrderDoesNotMatter) {
  make(options().in_order(false));
  complete_the_second_first();
  EXPECT_EQ(next(), (Indices{4, 5, 6, 7}));
  auto others = rest();
  EXPECT_EQ(others.size(), 4U);
  EXPECT_THAT(others, testing::Contains(Indices{0, 1, 2, 3}));
}

// --- deaths ---

TEST_F(EngineTest, HasTheSamplesOfADeadWorkerReadAgain) {
  make(options());
  events->meanwhile = [this] {
    claim(0).value();
    end_worker();
    read_all_in_waits();
    return true;
  };
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(engine->stats().worker_deaths, 1U);
  EXPECT_THAT(crew->replaced, ElementsAre(0));
}

TEST_F(EngineTest, ReplacesADeadWorkerBeforeItReadsWhatThatHadSent) {
  make(options());
  auto [own, theirs] = FdSocket::pair();
  crew->sockets[0] = std::move(own);
  events->meanwhile = [this, &theirs] {
    const std::vector<char> garbage(100, 'g');
    EXPECT_EQ(::send(theirs.fd(), garbage.data(), garbage.size(), 0), 100);
    end_worker();
    return true;
  };
  EXPECT_THAT(error_of_next<BoardCorrupted>(), HasSubstr("worker 0 sent the loader what no worker of ours sends"));
  EXPECT_THAT(crew->replaced, ElementsAre(0));
}

TEST_F(EngineTest, GivesABatchUpWhenMoreWorkersDiedThereThanRetriesAllow) {
  make(options().retries(1));
  events->meanwhile = [this, deaths = 0]() mutable {
    if (deaths++ == 2) return read_all();
    claim(0).value();
    end_worker();
    return true;
  };
  EXPECT_THAT(error_of_next<WorkerDied>(), HasSubstr("2 workers died there, so its batch is given up"));
  EXPECT_EQ(next(), (Indices{4, 5, 6, 7})) << "the batch is lost, the others are not";
  EXPECT_EQ(engine->stats().worker_deaths, 2U);
}

TEST_F(EngineTest, LooksForDeathsNowAndThenWhereItNeverWaits) {
  make(options().persistent_workers(true));
  read_all_in_waits();
  const auto looks = [this] { return std::ranges::count(events->limits, std::chrono::nanoseconds(0)); };
  next();
  EXPECT_EQ(looks(), 1);
  read_all();
  events->time += milliseconds(9);
  next();
  EXPECT_EQ(looks(), 1);
  read_all();
  events->time += milliseconds(1);
  next();
  EXPECT_EQ(looks(), 2);
}

TEST_F(EngineTest, WaitsUntilEveryWorkerIsReady) {
  make(options());
  crew->ready = false;
  events->meanwhile = [this] {
    crew->ready = events->limits.size() == 3;
    return crew->ready;
  };
  engine->wait_ready();
  EXPECT_EQ(elapsed(), milliseconds(200));
}

TEST_F(EngineTest, SaysAtEveryCallThatNoWorkerCanBuildItsDataset) {
  make(options());
  events->meanwhile = [this] {
    end_worker();
    crew->deaths.at(0).start_error = "no such folder";
    return true;
  };
  EXPECT_THAT(error_of_next<WorkerStartError>(), HasSubstr("could not build its dataset: no such folder"));
  EXPECT_THAT(error_of_next<WorkerStartError>(), HasSubstr("could not build its dataset: no such folder"));
}

// --- waiting ---

TEST_F(EngineTest, TimesOutAtItsDeadlineAndNotBefore) {
  make(options().timeout(milliseconds(250)));
  EXPECT_THAT(error_of_next<LoaderTimeout>(), HasSubstr("timeout: no batch within 250 ms: worker 0 (pid 100)"));
  EXPECT_EQ(elapsed(), milliseconds(250));
  EXPECT_DOUBLE_EQ(engine->stats().wait_seconds, 0.25) << "a wait that fails was one too";
  events->meanwhile = [this] {
    if (elapsed() == milliseconds(499)) return read_all();
    events->time += milliseconds(1);
    return true;
  };
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3})) << "each wait has a deadline of its own";
}

TEST_F(EngineTest, TimesOutBetweenRangesThatItReadsItself) {
  make(options().timeout(milliseconds(250)));
  crew->on_fill_one = [this] {
    events->time += milliseconds(100);
    return true;
  };
  EXPECT_THAT(error_of_next<LoaderTimeout>(), HasSubstr("no batch within 250 ms"));
  EXPECT_EQ(elapsed(), milliseconds(300));
}

TEST_F(EngineTest, ReadsInTheCallingThreadUntilABatchIsComplete) {
  make(options());
  int ranges = 0;
  crew->on_fill_one = [&] {
    const auto next = claim(0);
    if (next) finish(0, *next);
    ranges += next.has_value();
    return next.has_value();
  };
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(ranges, 4) << "and no further";
}

TEST_F(EngineTest, SaysThatTheUserHoldsAllBatchesAfterTwoSeconds) {
  make(options().kept_bytes(0));
  read_all_in_waits();
  std::vector<std::optional<Delivery>> held;
  for (int i = 0; i < 4; ++i) held.push_back(engine->next());
  EXPECT_THAT(error_of_next<TooManyBatchesHeld>(),
              HasSubstr("all 4 slots of the loader hold batches that you keep, the oldest for 2.0 s"));
  EXPECT_EQ(elapsed(), seconds(2));
  held.clear();
  EXPECT_EQ(next(), (Indices{16, 17, 18, 19}));
}

TEST_F(EngineTest, GoesOnWhenTheUserDropsABatchMeanwhile) {
  make(options().kept_bytes(0));
  read_all_in_waits();
  std::vector<std::optional<Delivery>> held;
  for (int i = 0; i < 4; ++i) held.push_back(engine->next());
  events->meanwhile = [&] {
    if (elapsed() < milliseconds(1900)) return false;
    read_all_in_waits();
    held.pop_back();
    return true;
  };
  EXPECT_EQ(next(), (Indices{16, 17, 18, 19}));
}

// --- memory that is overwritten ---

TEST_F(EngineTest, FindsARangeThatNobodyHoldsWhenItWaitsForLong) {
  make(options());
  events->meanwhile = [this] {
    shared->board.set(0, 0, {0, RangeState::kClaimed, 77});
    if (elapsed() == milliseconds(100)) return false;
    events->time += milliseconds(20);
    return true;  // Woken for nothing.
  };
  EXPECT_THAT(error_of_next<BoardCorrupted>(), HasSubstr("slot 0, range 0 is held by nobody"));
  EXPECT_EQ(elapsed(), milliseconds(100));
  EXPECT_THAT(error_of_next<BoardCorrupted>(), HasSubstr("slot 0, range 0 is held by nobody")) << "for good";
  EXPECT_EQ(elapsed(), milliseconds(100)) << "without another wait";
}

TEST_F(EngineTest, RefusesABatchWhoseTicketsWereOverwritten) {
  make(options());
  events->meanwhile = [this] {
    read_all();
    shared->memory.tickets(0)[1].index = 19;
    return true;
  };
  EXPECT_THAT(error_of_next<BoardCorrupted>(), HasSubstr("slot 0"));
}

TEST_F(EngineTest, BelievesNothingAnyMoreOnceABatchHadForeignContents) {
  make(options());
  EXPECT_THROW(engine->refuse_contents(DecodeError("no batch")), BoardCorrupted);
  EXPECT_THAT(error_of_next<BoardCorrupted>(), HasSubstr("no batch"));
}

// --- epochs and states ---

TEST_F(EngineTest, OpensBatchesOfTheNextEpochBeforeThisOneEnds) {
  make(options());
  read_all_in_waits();
  for (int i = 0; i < 5; ++i) next();
  read_all();
  const size_t waits = events->limits.size();
  EXPECT_FALSE(engine->next().has_value());
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(events->limits.size(), waits) << "they were read already";
}

TEST_F(EngineTest, LeavesAnEpochInItsMiddle) {
  make(options());
  read_all_in_waits();
  engine->leave_unfinished_epoch();
  EXPECT_EQ(engine->epoch(), 0) << "not begun";
  next();
  engine->leave_unfinished_epoch();
  EXPECT_EQ(engine->epoch(), 1);
  EXPECT_EQ(rest().size(), 5U);
}

TEST_F(EngineTest, KeepsWhatItPrefetchedWhenItLeavesAtTheLastBatch) {
  make(options());
  read_all_in_waits();
  for (int i = 0; i < 5; ++i) next();
  read_all();
  engine->leave_unfinished_epoch();
  EXPECT_EQ(engine->epoch(), 1);
  const size_t waits = events->limits.size();
  EXPECT_EQ(next(), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(events->limits.size(), waits);
}

TEST_F(EngineTest, GoesToAnEpoch) {
  make(options());
  read_all_in_waits();
  next();
  EXPECT_THROW(engine->set_epoch(-1), std::invalid_argument);
  engine->set_epoch(5);
  EXPECT_EQ(engine->epoch(), 5);
  EXPECT_EQ(engine->next()->epoch, 5);
  EXPECT_EQ(rest().size(), 4U);
}

TEST_F(EngineTest, TakesASlotBackThatWasLeftWhenItsReaderIsDone) {
  make(options().held(1).prefetch(1));  // Two slots.
  read_all_in_waits();
  const auto kept = engine->next();
  const Claim left = claim(1).value();
  engine->set_epoch(3);
  events->meanwhile = [&] {
    if (elapsed() < seconds(3)) return false;
    finish(1, left);
    read_all_in_waits();
    return true;
  };
  EXPECT_EQ(engine->next()->epoch, 3);
  EXPECT_EQ(elapsed(), seconds(3)) << "and nobody is told to drop batches";
}

TEST_F(EngineTest, GoesOnFromAStateInTheMiddle) {
  make(options());
  read_all_in_waits();
  next();
  next();
  const LoaderState state = engine->state();
  next();
  engine->load_state(state);
  EXPECT_EQ(next(), (Indices{8, 9, 10, 11})) << "the same loader";
  make(options());
  read_all_in_waits();
  engine->load_state(state);
  EXPECT_THAT(rest(), ElementsAre(Indices{8, 9, 10, 11}, Indices{12, 13, 14, 15}, Indices{16, 17, 18, 19}));
  EXPECT_EQ(engine->epoch(), 1);
}

TEST_F(OutOfOrder, AStateRemembersWhatWasGivenAhead) {
  make(options().in_order(false));
  complete_the_second_first();
  ASSERT_EQ(next(), (Indices{4, 5, 6, 7}));
  const LoaderState state = engine->state();
  make(options().in_order(false));
  read_all_in_waits();
  engine->load_state(state);
  EXPECT_THAT(rest(), ElementsAre(Indices{0, 1, 2, 3}, Indices{8, 9, 10, 11}, Indices{12, 13, 14, 15},
                                  Indices{16, 17, 18, 19}));
}

// --- samples that cannot be read ---

struct BadSample : EngineTest {
  void make_with(OnError on_error) {
    make(options().on_error(on_error));
    events->meanwhile = [this] { return read_all_but(6); };
  }
};

TEST_F(BadSample, LosesItsBatchWithItsError) {
  make_with(OnError::kRaise);
  next();
  EXPECT_THAT(error_of_next<SampleError>(), HasSubstr("6"));
  EXPECT_EQ(next(), (Indices{8, 9, 10, 11}));
  EXPECT_EQ(engine->stats().sample_errors, 1U);
}

TEST_F(BadSample, IsLeftOut) {
  make_with(OnError::kSkip);
  next();
  EXPECT_EQ(next(), (Indices{4, 5, 7}));
  EXPECT_EQ(engine->stats().skipped_samples, 1U);
  EXPECT_EQ(rest().size(), 3U);
}

TEST_F(BadSample, IsReplacedByAnotherOfItsBatch) {
  make_with(OnError::kReplace);
  next();
  EXPECT_EQ(next(), (Indices{4, 5, 7, 7}));
  EXPECT_EQ(engine->stats().replaced_samples, 1U);
}

// --- streams ---

struct Streams : EngineTest {
  static DataLoaderOptions options() { return EngineTest::options().num_streams(2).max_sample_bytes(1024); }

  // Each of the two streams has two batches, of four samples and of three, and worker w reads stream w.
  bool read_streams() {
    bool any = false;
    for (size_t worker = 0; worker < 2; ++worker) {
      while (const auto next = claim(worker)) {
        PackedBatch batch;
        const int number = ++read_[worker];
        batch.samples = number == 1 ? 4 : number == 2 ? 3 : 0;
        batch.ended = number >= 2;
        pack_value(batch, at::ones({3}));
        PackedLayout(batch).write(shared->memory.body(next->slot));
        static_cast<void>(shared->workers_board.finish(*next, crew->incarnations[worker]));
        any = true;
      }
    }
    return any;
  }

  std::vector<int64_t> sizes() {
    std::vector<int64_t> sizes;
    while (const auto delivery = engine->next()) sizes.push_back(delivery->samples);
    return sizes;
  }

 private:
  int read_[2] = {0, 0};  // Batches, by stream.
};

TEST_F(Streams, TakeTurnsUntilEachHasEnded) {
  make(options(), Kind::kStreams);
  events->meanwhile = [this] { return read_streams(); };
  EXPECT_THAT(sizes(), ElementsAre(4, 4, 3, 3)) << "what a stream gives behind its end is no batch";
  EXPECT_EQ(engine->epoch(), 1);
  EXPECT_EQ(engine->size(), std::nullopt);
}

TEST_F(Streams, BeginAgainWhenTheLastEpochHasEnded) {
  make(options(), Kind::kStreams);
  events->meanwhile = [this] { return read_streams(); };
  sizes();
  const auto begun = claim(0);
  ASSERT_TRUE(begun.has_value()) << "the next epoch is open";
}

// --- what is asked ---

TEST_F(EngineTest, KnowsItsSizeAndItsWorkers) {
  make(options());
  EXPECT_EQ(engine->size(), 5);
  EXPECT_THAT(engine->worker_pids(), ElementsAre(100, 101));
  EXPECT_THAT(events->limits, IsEmpty()) << "it does nothing before it is asked";
}

}  // namespace
}  // namespace millrace::engine_test
