#include "millrace/loader/engine/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "millrace/loader/errors.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::audit_test {
namespace {

using testing::HasSubstr;

// The board of a worker that writes to words that are the trainer's.
class Scribbler : public Board {
 public:
  Scribbler(std::byte* memory, const Geometry& geometry) : Board(memory, geometry) {}

  using Board::header;
  using Board::slot_header;
};

struct AuditTest : testing::Test, engine_fakes::Bench {
  std::string complaint() const {
    try {
      require_sound_board(board, in_flight, crew, supervisor);
    } catch (const BoardCorrupted& e) {
      return e.what();
    }
    return "none";
  }

  void set(size_t slot, size_t range, RangeState state, uint32_t incarnation) {
    board.set(slot, range, {in_flight[slot].generation, state, incarnation});
  }

  Supervisor supervisor{crew, board, {.retries = 100, .deaths_without_batch = 100}};
  Scribbler scribbler{memory.data(), kGeometry};
};

constexpr const char* kHeldByNobody = "(slot 0, range 1 is held by nobody)";

TEST_F(AuditTest, FindsNothingOnABoardAsItShouldBe) {
  EXPECT_EQ(complaint(), "none") << "of a new one";
  const size_t slot = open();
  static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  worker.claim(2, 1);
  open({20});
  EXPECT_EQ(complaint(), "none");
  in_flight.cancel(slot);
  EXPECT_EQ(complaint(), "none") << "while a slot drains";
}

TEST_F(AuditTest, FindsThatWorkersWereToldToEnd) {
  EXPECT_NO_THROW(require_not_stopped(board));
  scribbler.header().stopping = 1;
  EXPECT_THROW(require_not_stopped(board), BoardCorrupted);
  EXPECT_THAT(complaint(), HasSubstr("(the word that tells workers to end)"));
}

TEST_F(AuditTest, FindsEachWordThatWorkersAreToldOfASlot) {
  const size_t slot = open();
  auto& header = scribbler.slot_header(slot);
  const auto finds = [&](auto& word, const char* name) {
    const auto before = word.load();
    word = before + 1;
    EXPECT_THAT(complaint(), HasSubstr("(slot 0, what workers are told of it)")) << name;
    word = before;
    EXPECT_EQ(complaint(), "none") << name;
  };
  finds(header.sequence, "sequence");
  finds(header.base_seed, "base_seed");
  finds(header.samples, "samples");
  finds(header.worker, "worker");
}

TEST_F(AuditTest, DoesNotMindWhatAFreeSlotSays) {
  const size_t slot = open();
  for (int range = 0; range < 2; ++range) static_cast<void>(worker.finish(worker.claim(1, 0).value(), 1));
  in_flight.lend(slot, {});
  in_flight.release(slot);
  scribbler.slot_header(slot).sequence = 99;
  EXPECT_EQ(complaint(), "none");
}

TEST_F(AuditTest, FindsARangeThatIsClaimedByNobody) {
  open();
  set(0, 1, RangeState::kClaimed, 1);
  EXPECT_EQ(complaint(), "none");
  set(0, 1, RangeState::kClaimed, 17);
  EXPECT_THAT(complaint(), HasSubstr(kHeldByNobody));
}

TEST_F(AuditTest, LeavesTheClaimsOfTheDeadUntilTheyAreInherited) {
  open();
  set(0, 1, RangeState::kClaimed, 2);
  supervisor.take_note(crew.death(1), {});
  EXPECT_EQ(complaint(), "none");
  supervisor.settle_estates({}, [](const auto&) {});
  EXPECT_THAT(complaint(), HasSubstr(kHeldByNobody));
}

TEST_F(AuditTest, FindsAnOpenRangeThatNobodyCanClaim) {
  open();
  set(0, 1, RangeState::kOpen, 1);
  EXPECT_THAT(complaint(), HasSubstr(kHeldByNobody));
}

TEST_F(AuditTest, FindsAWordOfAnotherGeneration) {
  open();
  for (const auto state : {RangeState::kOpen, RangeState::kClaimed}) {
    board.set(0, 1, {in_flight[0].generation + 1, state, state == RangeState::kOpen ? 0U : 1U});
    EXPECT_THAT(complaint(), HasSubstr(kHeldByNobody));
  }
}

TEST_F(AuditTest, FindsARangeThatABatchDoesNotHave) {
  open({10, 11});
  set(0, 1, RangeState::kOpen, 0);
  EXPECT_THAT(complaint(), HasSubstr(kHeldByNobody));
}

TEST_F(AuditTest, FindsAnOpenRangeOfAFreeSlot) {
  set(2, 0, RangeState::kOpen, 0);
  EXPECT_THAT(complaint(), HasSubstr("(slot 2, range 0 is held by nobody)"));
}

// What is finished is seen when the batch is given.
TEST_F(AuditTest, LeavesFinishedRangesToThoseWhoReadThem) {
  open();
  board.set(0, 1, {99, RangeState::kDone, 99});
  EXPECT_EQ(complaint(), "none");
}

TEST_F(AuditTest, FindsTheNotesOfAWorkerThatAreNotItsOwn) {
  board.beacon(1).incarnation = 2;
  EXPECT_EQ(complaint(), "none");
  board.beacon(1).incarnation = 1;
  EXPECT_THAT(complaint(), HasSubstr("(the notes of worker 1)"));
}

TEST_F(AuditTest, ABatchThatCannotBeOpenedIsNotOnTheBoard) {
  const size_t slot = open();
  EXPECT_TRUE(is_on_board(in_flight, slot));
  in_flight.set_error(slot, std::make_exception_ptr(std::runtime_error("")));
  EXPECT_FALSE(is_on_board(in_flight, slot));
  EXPECT_FALSE(is_on_board(in_flight, slot + 1)) << "free";
}

}  // namespace
}  // namespace millrace::audit_test
