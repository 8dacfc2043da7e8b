#include "millrace/loader/engine/mender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "millrace/loader/sources/fill_request.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::mender_test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

struct MenderTest : testing::Test, engine_fakes::Bench {
  size_t open_with_tickets() {
    const size_t slot = open();
    tickets.write(slot);
    return slot;
  }

  // What worker 0 leaves, which died while it read `sample`.
  static Supervisor::Estate estate(int64_t sample, WorkerPhase phase = WorkerPhase::kReading) {
    return {{0, 1, 100, ExitStatus(9), true, {}}, phase, sample, {}, {}};
  }

  static std::string name_of(size_t, int64_t sample) { return "sample " + std::to_string(sample); }

  RangeState state(size_t slot, size_t range) const { return board.range(slot, range).state; }

  // What is given up says, when worker 0 died once, as `estate` says, and no death is forgiven.
  std::string text_of(const Supervisor::Estate& estate) {
    options.retries(0);
    const size_t slot = open_with_tickets();
    worker.claim(1, 0);
    board.close_unclaimed(slot, in_flight[slot].generation);
    mender.inherit(estate, name_of);
    EXPECT_EQ(state(slot, 0), RangeState::kFailed);
    return in_flight.given_up(slot, 0)->error.what();
  }

  DataLoaderOptions options{4};
  SlotMemory slots{SlotLayout(4, std::array{size_t{256}}), kGeometry.slots, nullptr};
  Tickets tickets{Source::Kind::kRows, options, in_flight, slots};
  Mender mender{options, in_flight, board, tickets};
  Failures failures{in_flight, board, crew};
  Tally tally;
};

TEST_F(MenderTest, OpensAgainWhatTheDeadHeldAndNothingElse) {
  const size_t slot = open_with_tickets();
  worker.claim(1, 0);
  worker.claim(2, 1);
  EXPECT_EQ(mender.inherit(estate(10), name_of), 2U) << "samples of a range";
  EXPECT_TRUE(board.range(slot, 0).open());
  EXPECT_EQ(board.range(slot, 1).incarnation, 2U) << "another's";
  EXPECT_EQ(state(slot, 1), RangeState::kClaimed);
}

TEST_F(MenderTest, GivesUpARangeWhereMoreDieThanRetries) {
  options.retries(2);
  const size_t slot = open_with_tickets();
  for (int death = 0; death < 2; ++death) {
    worker.claim(1, 0);
    mender.inherit(estate(11), name_of);
    ASSERT_TRUE(board.range(slot, 0).open()) << death;
  }
  worker.claim(1, 0);
  mender.inherit(estate(11), name_of);
  EXPECT_EQ(state(slot, 0), RangeState::kFailed);
  const GivenUp* given_up = in_flight.given_up(slot, 0);
  ASSERT_NE(given_up, nullptr);
  EXPECT_EQ(given_up->sample, 11);
  EXPECT_STREQ(given_up->error.what(),
               "worker 0 (pid 100) was killed by signal 9 (SIGKILL) while reading sample 11; 3 workers died there, so "
               "its batch is given up");
  EXPECT_EQ(given_up->error.doing(), "reading sample 11");
  EXPECT_EQ(given_up->error.pid(), 100);
  EXPECT_EQ(failures.first_in(slot).value().row, 1U);
}

TEST_F(MenderTest, SaysWhatTheDeadWasDoing) {
  const std::string died = "worker 0 (pid 100) was killed by signal 9 (SIGKILL) while ";
  const std::string end = "; 1 worker died there, so its batch is given up";
  EXPECT_EQ(text_of(estate(-1)), died + "making a batch" + end);
  EXPECT_EQ(text_of(estate(-1, WorkerPhase::kInit)), died + "running worker_init_fn" + end);
  auto stuck = estate(12);
  stuck.stuck_for = milliseconds(1500);
  options.on_error(OnError::kSkip);
  EXPECT_EQ(text_of(stuck), died +
                                "reading sample 12, where it was stuck for 1.5 s; 1 worker died there, so that "
                                "sample is given up");
}

TEST_F(MenderTest, ClosesWhatTheDeadHeldOfABatchThatNobodyWants) {
  const size_t slot = open_with_tickets();
  worker.claim(1, 0);
  in_flight.cancel(slot);
  mender.inherit(estate(10), name_of);
  EXPECT_EQ(state(slot, 0), RangeState::kClosed);
}

TEST_F(MenderTest, LeavesABatchAloneThatWasLent) {
  const size_t slot = open_with_tickets();
  worker.claim(1, 0);
  in_flight.lend(slot, {});
  mender.inherit(estate(10), name_of);
  EXPECT_EQ(state(slot, 0), RangeState::kClaimed);
}

// What is asked of a stream lies where the batch is written: the dead may have begun with that.
TEST_F(MenderTest, AsksAgainForABatchOfAStream) {
  const Tickets of_streams(Source::Kind::kStreams, options, in_flight, slots);
  Mender tested(options, in_flight, board, of_streams);
  std::vector<int64_t> none;
  const size_t slot = in_flight.open(7, BatchPlan(), 1, none);
  board.open(slot, in_flight[slot].generation, {.sequence = 7, .samples = 1});
  of_streams.write(slot);
  const auto body = slots.body(slot);
  const std::vector<std::byte> request(body.begin(), body.end());
  std::memset(body.data(), 0xff, body.size());
  worker.claim(1, 0);
  tested.inherit(estate(-1), name_of);
  EXPECT_TRUE(board.range(slot, 0).open());
  uint64_t size = 0;
  std::memcpy(&size, request.data(), sizeof size);
  const auto end = request.begin() + static_cast<ptrdiff_t>(sizeof size + size);
  EXPECT_TRUE(std::equal(request.begin(), end, body.begin()));
}

TEST_F(MenderTest, HasNothingToMendWhereAllIsDone) {
  options.on_error(OnError::kSkip);
  const size_t slot = open_with_tickets();
  for (int range = 0; range < 2; ++range) static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  EXPECT_FALSE(mender.mend(slot, failures, tally));
}

TEST_F(MenderTest, LeavesOutASampleThatCannotBeRead) {
  options.on_error(OnError::kSkip);
  const size_t slot = open_with_tickets();
  static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error(2, 12)));
  EXPECT_TRUE(mender.mend(slot, failures, tally));
  EXPECT_THAT(in_flight[slot].indices, ElementsAre(10, 11, kNoSample, 13));
  EXPECT_EQ(slots.tickets(slot)[2].index, kNoSample);
  EXPECT_EQ(state(slot, 0), RangeState::kDone) << "not read again";
  EXPECT_TRUE(board.range(slot, 1).open());
  EXPECT_EQ(tally.stats.sample_errors, 1U);
  EXPECT_EQ(tally.stats.skipped_samples, 1U);
  EXPECT_EQ(tally.stats.replaced_samples, 0U);
}

TEST_F(MenderTest, PutsOtherSamplesInThePlaceOfThoseThatCannotBeReadUntilAllWereTried) {
  options.on_error(OnError::kReplace);
  const size_t slot = open_with_tickets();
  static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  const uint64_t seed = slots.tickets(slot)[3].seed;
  for (const int64_t instead : {10, 11, 12}) {
    const int64_t failed = in_flight[slot].indices[3];
    static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error(3, failed)));
    ASSERT_TRUE(mender.mend(slot, failures, tally));
    EXPECT_EQ(in_flight[slot].indices[3], instead);
    EXPECT_EQ(slots.tickets(slot)[3], (SampleTicket{instead, seed})) << "with the seed of the one it stands for";
  }
  static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error(3, 12)));
  EXPECT_FALSE(mender.mend(slot, failures, tally));
  EXPECT_EQ(tally.stats.replaced_samples, 3U);
}

TEST_F(MenderTest, MendsWhatWasGivenUpAndForgivesTheDeathsThere) {
  options.on_error(OnError::kSkip).retries(0);
  const size_t slot = open_with_tickets();
  worker.claim(1, 0);
  mender.inherit(estate(10), name_of);
  static_cast<void>(worker.finish(worker.claim(2, 1).value(), 2));
  EXPECT_TRUE(mender.mend(slot, failures, tally));
  EXPECT_TRUE(board.range(slot, 0).open());
  EXPECT_EQ(in_flight.given_up(slot, 0), nullptr);
  EXPECT_EQ(in_flight[slot].range_deaths[0], 0);
}

TEST_F(MenderTest, MendsNothingThatIsToBeRaised) {
  const size_t slot = open_with_tickets();
  static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error(0, 10)));
  static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  EXPECT_FALSE(mender.mend(slot, failures, tally));
  EXPECT_EQ(state(slot, 0), RangeState::kFailed);
  EXPECT_EQ(tally.stats.sample_errors, 0U);
}

// It would be read again while it is thrown, and its word be taken for a scribbled one.
TEST_F(MenderTest, MendsNoRangeOfABatchThatIsToBeRaisedForAnother) {
  options.on_error(OnError::kSkip).retries(0);
  const size_t slot = open_with_tickets();
  static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error(0, 10)));
  worker.claim(1, 0);
  mender.inherit(estate(-1), name_of);  // No sample is to blame.
  EXPECT_FALSE(mender.mend(slot, failures, tally));
  EXPECT_EQ(state(slot, 0), RangeState::kFailed);
  EXPECT_EQ(state(slot, 1), RangeState::kFailed);
  EXPECT_THAT(in_flight[slot].indices, ElementsAre(10, 11, 12, 13));
  EXPECT_EQ(tally.stats.sample_errors, 0U);
}

}  // namespace
}  // namespace millrace::mender_test
