#include "millrace/loader/engine/opener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::opener_test {
namespace {

using engine_fakes::ScriptedOrder;
using testing::ElementsAre;

struct OpenerTest : testing::Test, engine_fakes::Bench {
  using Kind = Source::Kind;

  // Opens what `script` gives, ahead as far as it goes.
  void open_all(std::vector<ScriptedOrder::Batch> script, Kind kind = Kind::kRows) {
    const engine_fakes::FakeSource source(kind, 20);
    Cursor cursor(std::make_unique<ScriptedOrder>(std::move(script)), Cursor::Reach::kEpoch);
    const Tickets tickets(kind, options, in_flight, slots);
    Opener(source, options, cursor, in_flight, board, tickets).open_ahead(10);
  }

  // The complaint about the batch in a slot; "" where there is none.
  std::string error_of(size_t slot) const {
    if (!in_flight.plan(slot).error) return "";
    try {
      std::rethrow_exception(in_flight.plan(slot).error);
    } catch (const std::exception& e) {
      return e.what();
    }
  }

  DataLoaderOptions options{4};
  SlotMemory slots{SlotLayout(4, std::array{size_t{256}}), kGeometry.slots, nullptr};
};

TEST_F(OpenerTest, PutsABatchOnTheBoardWithItsTickets) {
  open_all({{{5, 6, 7}}});
  EXPECT_THAT(in_flight[0].indices, ElementsAre(5, 6, 7));
  EXPECT_EQ(slots.tickets(0)[2].index, 7);
  EXPECT_EQ(worker.claim(1, 0)->last, 2U);
  const auto second = worker.claim(1, 1).value();
  EXPECT_EQ(second.last, 3U);
  EXPECT_FALSE(worker.claim(1, 0).has_value());
}

TEST_F(OpenerTest, OpensAsManyAsAreWanted) {
  const engine_fakes::FakeSource source(Kind::kRows, 20);
  Cursor cursor(std::make_unique<ScriptedOrder>(std::vector<ScriptedOrder::Batch>{{{1}}, {{2}}, {{3}}}),
                Cursor::Reach::kEpoch);
  const Tickets tickets(Kind::kRows, options, in_flight, slots);
  Opener tested(source, options, cursor, in_flight, board, tickets);
  tested.open_ahead(2);
  tested.open_ahead(2);
  EXPECT_EQ(in_flight.count(SlotState::kOpen), 2U);
  in_flight.lend(0, {});
  tested.open_ahead(2);
  EXPECT_THAT(in_flight[2].indices, ElementsAre(3));
}

TEST_F(OpenerTest, OpensNoMoreThanThereAreSlots) {
  open_all({{{1}}, {{2}}, {{3}}, {{4}}});
  EXPECT_EQ(in_flight.count(SlotState::kOpen), 3U);
  EXPECT_EQ(board.times_opened(), 3U);
}

TEST_F(OpenerTest, GivesABatchThatIsTooLargeATurnAndNoWorker) {
  open_all({{{1, 2, 3, 4, 5}}, {{6}}});
  EXPECT_EQ(error_of(0),
            "the sampler gave a batch of 5 samples, but batch_size is 4: set it to the largest batch of the "
            "sampler");
  EXPECT_THROW(std::rethrow_exception(in_flight.plan(0).error), std::out_of_range);
  EXPECT_EQ(in_flight[0].state, SlotState::kOpen);
  EXPECT_EQ(in_flight[0].range_deaths.size(), 0U);
  EXPECT_EQ(worker.claim(1, 0)->slot, 1U);
  EXPECT_FALSE(worker.claim(1, 0).has_value());
}

TEST_F(OpenerTest, RefusesIndicesThatTheDatasetHasNot) {
  open_all({{{0, 19}}, {{1, 20}}, {{-1}}});
  EXPECT_EQ(error_of(0), "");
  EXPECT_EQ(error_of(1), "the sampler gave index 20 for a dataset of 20 samples");
  EXPECT_EQ(error_of(2), "the sampler gave index -1 for a dataset of 20 samples");
}

TEST_F(OpenerTest, KeepsTheTurnOfABatchThatCouldNotBePlanned) {
  open_all({{{}, std::make_exception_ptr(std::runtime_error("the sampler threw"))}, {{1}}});
  EXPECT_EQ(error_of(0), "the sampler threw");
  EXPECT_EQ(in_flight[0].sequence, 0U);
  EXPECT_EQ(worker.claim(1, 0)->slot, 1U);
}

TEST_F(OpenerTest, KeepsTheTurnOfAStreamWhoseStateIsTooLarge) {
  class LargeState final : public Order {
   public:
    std::string name() const override { return "streams"; }
    std::optional<int64_t> size() const override { return 1; }
    int64_t epoch() const override { return 0; }
    void begin(int64_t) override {}
    bool next(BatchPlan& plan, std::vector<int64_t>& indices) override {
      plan = BatchPlan();
      plan.stream.known_state.resize(1 << 20);
      indices.clear();
      return true;
    }
    void passed(const BatchPlan&, const PackedBatch*) override {}
    void save(LoaderState&, int64_t, const BatchPlan*) const override {}
    void load(const LoaderState&) override {}
  };
  const engine_fakes::FakeSource source(Kind::kStreams, 20);
  Cursor cursor(std::make_unique<LargeState>(), Cursor::Reach::kEpoch);
  const Tickets tickets(Kind::kStreams, options, in_flight, slots);
  Opener(source, options, cursor, in_flight, board, tickets).open_ahead(1);
  EXPECT_THROW(std::rethrow_exception(in_flight.plan(0).error), std::length_error);
  EXPECT_FALSE(worker.claim(1, 0).has_value());
}

TEST_F(OpenerTest, LeavesRowsToWhoeverComesFirst) {
  open_all({{{1}}, {{2}}});
  EXPECT_EQ(worker.claim(2, 1)->slot, 0U);
  EXPECT_EQ(worker.claim(2, 1)->slot, 1U);
}

TEST_F(OpenerTest, LeavesAStreamToOneWorker) {
  open_all({{}, {}, {}}, Kind::kStreams);
  EXPECT_EQ(worker.claim(1, 0)->slot, 0U);
  EXPECT_EQ(worker.claim(1, 0)->slot, 2U);
  EXPECT_FALSE(worker.claim(1, 0).has_value());
  EXPECT_EQ(worker.claim(2, 1)->slot, 1U);
}

TEST_F(OpenerTest, DealsOutBatchesInTurnsWithTorchsSeeds) {
  options.seed_mode(SeedMode::kTorch);
  open_all({{{1}}, {{2}}, {{3}}});
  EXPECT_EQ(worker.claim(2, 1)->slot, 1U);
  EXPECT_FALSE(worker.claim(2, 1).has_value());
  EXPECT_EQ(worker.claim(1, 0)->slot, 0U);
  EXPECT_EQ(worker.claim(1, 0)->slot, 2U);
}

TEST_F(OpenerTest, DrawsTorchsSeedOnceAnEpoch) {
  options.seed_mode(SeedMode::kTorch);
  const engine_fakes::FakeSource source(Kind::kRows, 20);
  Cursor cursor(std::make_unique<ScriptedOrder>(std::vector<ScriptedOrder::Batch>{{{1}}, {{2}}}),
                Cursor::Reach::kEpoch);
  const Tickets tickets(Kind::kRows, options, in_flight, slots);
  Opener tested(source, options, cursor, in_flight, board, tickets);
  tested.open_ahead(2);
  const uint64_t seed = worker.claim(1, 0)->base_seed;
  EXPECT_EQ(worker.claim(2, 1)->base_seed, seed);
  cursor.begin_next_epoch();
  tested.open_ahead(3);
  EXPECT_NE(worker.claim(1, 0)->base_seed, seed);
}

}  // namespace
}  // namespace millrace::opener_test
