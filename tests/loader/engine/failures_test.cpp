#include "millrace/loader/engine/failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "millrace/loader/errors.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::failures_test {
namespace {

using testing::HasSubstr;

struct FailuresTest : testing::Test, engine_fakes::Bench {
  // Worker 0 claims a range and says what went wrong in it.
  void fail_next_range(const RangeError& error) {
    static_cast<void>(worker.fail(worker.claim(1, 0).value(), 1, error));
  }
  void finish_next_range() { static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1)); }

  void give_up(size_t slot, size_t range, int64_t sample) {
    in_flight.give_up(slot, range, {WorkerDied("it died", 7, ExitStatus(9), "reading"), sample});
    board.set(slot, range, {in_flight[slot].generation, RangeState::kFailed, 1});
  }

  Failures tested{in_flight, board, crew};
};

TEST_F(FailuresTest, FindsNothingWrongWithARangeThatIsDone) {
  const size_t slot = open();
  finish_next_range();
  finish_next_range();
  EXPECT_FALSE(tested.in(slot, 0).has_value());
  EXPECT_FALSE(tested.first_in(slot).has_value());
}

TEST_F(FailuresTest, TellsWhatAWorkerReported) {
  const size_t slot = open();
  fail_next_range(error(1, 11));
  const auto failure = tested.in(slot, 0).value();
  EXPECT_FALSE(failure.death.has_value());
  EXPECT_EQ(failure.row, 1U);
  EXPECT_EQ(failure.error->index(), 11);
  EXPECT_EQ(failure.error->worker(), 0);
  EXPECT_EQ(failure.text(), "sample 11 (p), read by worker 0: T: m");
  EXPECT_THROW(failure.raise(), SampleError);
}

// What does not fit together is no sample's fault that could be left out: a hostile worker would have another one left
// out.
TEST_F(FailuresTest, BlamesNoRowThatIsNotTheSamples) {
  const size_t slot = open();
  struct Report {
    const char* what;
    RangeError error;
  };
  for (const auto& [what, report] : {Report{"of a batch", error(0, -1)}, Report{"of another row", error(0, 11)},
                                     Report{"behind the batch", error(4, 10)}}) {
    board.reopen(slot, 0, in_flight[slot].generation);
    fail_next_range(report);
    EXPECT_EQ(tested.in(slot, 0).value().row, std::nullopt) << what;
  }
}

TEST_F(FailuresTest, TellsOfARangeThatWasGivenUp) {
  const size_t slot = open();
  give_up(slot, 1, 13);
  const auto failure = tested.in(slot, 1).value();
  EXPECT_EQ(failure.row, 3U);
  EXPECT_EQ(failure.text(), "it died");
  EXPECT_THROW(failure.raise(), WorkerDied);
}

TEST_F(FailuresTest, BlamesOnlyRowsOfTheRangeForADeath) {
  const size_t slot = open();
  give_up(slot, 1, 10);
  EXPECT_EQ(tested.in(slot, 1).value().row, std::nullopt);
}

TEST_F(FailuresTest, TellsOfTheFirstRangeThatFailed) {
  const size_t slot = open();
  const auto first = worker.claim(1, 0).value();
  const auto second = worker.claim(2, 1).value();
  static_cast<void>(worker.fail(second, 2, error(2, 12)));
  static_cast<void>(worker.fail(first, 1, error(0, 10)));
  EXPECT_EQ(tested.first_in(slot).value().row, 0U);
}

TEST_F(FailuresTest, RefusesAWordThatIsNeitherDoneNorFailed) {
  const size_t slot = open();
  const uint32_t generation = in_flight[slot].generation;
  for (const RangeWord word :
       {RangeWord{generation, RangeState::kClosed, 1}, RangeWord{generation + 1, RangeState::kDone, 1},
        RangeWord{generation + 1, RangeState::kFailed, 1}, RangeWord{generation, static_cast<RangeState>(9), 1}}) {
    board.set(slot, 1, word);
    try {
      tested.in(slot, 1);
      ADD_FAILURE() << word.pack();
    } catch (const BoardCorrupted& e) {
      EXPECT_THAT(e.what(), HasSubstr("(slot 0, range 1 is neither done nor failed)"));
    }
  }
}

}  // namespace
}  // namespace millrace::failures_test
