#include "millrace/loader/engine/cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace millrace::cursor_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Reach = Cursor::Reach;

// Epochs of so many batches; batch b of epoch e has the sample 100 e + b alone.
class FakeOrder final : public Order {
 public:
  struct Calls {
    std::vector<int64_t> begun;
    std::vector<std::pair<int64_t, int64_t>> passed;  // Epoch and batch.
  };

  FakeOrder(int64_t batches, std::shared_ptr<Calls> calls) : batches_(batches), calls_(std::move(calls)) {}

  std::string name() const override { return "fake"; }
  std::optional<int64_t> size() const override { return batches_; }
  int64_t epoch() const override { return 0; }
  void begin(int64_t epoch) override {
    calls_->begun.push_back(epoch);
    epoch_ = epoch;
    batch_ = 0;
  }
  bool next(BatchPlan& plan, std::vector<int64_t>& indices) override {
    if (batch_ == batches_) return false;
    plan = BatchPlan();
    plan.epoch = epoch_;
    plan.batch = batch_;
    indices = {100 * epoch_ + batch_++};
    return true;
  }
  void passed(const BatchPlan& plan, const PackedBatch*) override {
    calls_->passed.emplace_back(plan.epoch, plan.batch);
  }
  void save(LoaderState& state, int64_t, const BatchPlan* next) const override {
    state.batches = next != nullptr ? next->batch : batches_;
  }
  void load(const LoaderState& state) override {
    if (state.batches > batches_) throw std::invalid_argument("no such batch");
    epoch_ = state.epoch;
    batch_ = state.batches;
  }

 private:
  int64_t batches_;
  std::shared_ptr<Calls> calls_;
  int64_t epoch_ = 0;
  int64_t batch_ = 0;
};

struct Batch {
  uint64_t sequence = 0;
  BatchPlan plan;
};

struct CursorTest : testing::Test {
  Cursor cursor(Reach reach, int64_t batches = 3) { return Cursor(std::make_unique<FakeOrder>(batches, calls), reach); }

  // What is planned next; nullopt when there is nothing to plan.
  std::optional<Batch> plan(Cursor& cursor) {
    Batch batch;
    const auto sequence = cursor.plan_next(batch.plan, indices);
    if (!sequence) return std::nullopt;
    batch.sequence = *sequence;
    return batch;
  }

  std::vector<Batch> plan_all(Cursor& cursor, size_t most) {
    std::vector<Batch> batches;
    while (batches.size() < most) {
      auto batch = plan(cursor);
      if (!batch) break;
      batches.push_back(std::move(*batch));
    }
    return batches;
  }

  static void deliver(Cursor& cursor, const Batch& batch) {
    cursor.pass(batch.sequence, batch.plan, nullptr);
    cursor.count_delivered();
  }

  std::shared_ptr<FakeOrder::Calls> calls = std::make_shared<FakeOrder::Calls>();
  std::vector<int64_t> indices;
};

TEST_F(CursorTest, CountsBatchesFromTheFirstThatWasEverPlanned) {
  auto here = cursor(Reach::kEpoch);
  for (uint64_t sequence = 0; sequence < 3; ++sequence) EXPECT_EQ(plan(here).value().sequence, sequence);
  EXPECT_THAT(indices, ElementsAre(2));
}

TEST_F(CursorTest, OfOneEpochPlansToItsEnd) {
  auto here = cursor(Reach::kEpoch);
  EXPECT_EQ(plan_all(here, 10).size(), 3U);
  EXPECT_TRUE(here.exhausted());
  EXPECT_TRUE(here.epoch_is_planned());
  here.begin_next_epoch();
  EXPECT_FALSE(here.exhausted());
  EXPECT_EQ(plan(here).value().plan.epoch, 1);
}

TEST_F(CursorTest, OfTheNextEpochsPlansOnAndKeepsThosePlans) {
  auto here = cursor(Reach::kNextEpochs);
  const auto batches = plan_all(here, 5);
  EXPECT_EQ(batches[3].plan.epoch, 1);
  EXPECT_EQ(here.planned_epoch(), 1);
  EXPECT_EQ(here.epoch(), 0);
  EXPECT_TRUE(here.epoch_is_planned());
  here.begin_next_epoch();
  EXPECT_THAT(calls->begun, ElementsAre(1)) << "and not once more";
  EXPECT_EQ(plan(here).value().plan.batch, 2);
}

TEST_F(CursorTest, DoesNotPlanEpochsOfNoBatchesForEver) {
  auto here = cursor(Reach::kNextEpochs, 0);
  EXPECT_FALSE(plan(here).has_value());
  EXPECT_TRUE(here.exhausted());
}

TEST_F(CursorTest, KnowsWhetherAnEpochBegins) {
  auto here = cursor(Reach::kEpoch);
  EXPECT_TRUE(here.begins_epoch());
  plan(here);
  EXPECT_FALSE(here.begins_epoch());
}

TEST_F(CursorTest, GoesOnBehindBatchesThatWereDeliveredBeforeTheirTurn) {
  auto here = cursor(Reach::kEpoch);
  const auto batches = plan_all(here, 3);
  deliver(here, batches[1]);
  deliver(here, batches[2]);
  EXPECT_EQ(here.next_in_order(), 0U);
  deliver(here, batches[0]);
  EXPECT_EQ(here.next_in_order(), 3U);
  EXPECT_THAT(calls->passed, ElementsAre(std::pair(0, 1), std::pair(0, 2), std::pair(0, 0)));
}

TEST_F(CursorTest, SavesTheNextBatchAndThoseAheadOfIt) {
  auto here = cursor(Reach::kEpoch, 5);
  const auto batches = plan_all(here, 4);
  deliver(here, batches[0]);
  deliver(here, batches[2]);
  LoaderState state;
  here.save(state, &batches[1].plan);
  EXPECT_EQ(state.order, "fake");
  EXPECT_EQ(state.epoch, 0);
  EXPECT_EQ(state.batches, 1);
  EXPECT_THAT(state.ahead, ElementsAre(1)) << "counted from the next";
}

TEST_F(CursorTest, SavesTheEndOfAnEpochWhoseNextBatchIsOfAnother) {
  auto here = cursor(Reach::kNextEpochs);
  const auto batches = plan_all(here, 4);
  for (int i = 0; i < 3; ++i) deliver(here, batches[static_cast<size_t>(i)]);
  LoaderState state;
  here.save(state, &batches[3].plan);
  EXPECT_EQ(state.epoch, 0);
  EXPECT_EQ(state.batches, 3);
}

TEST_F(CursorTest, LeavesWhatIsPlannedWhenItGoesElsewhere) {
  auto here = cursor(Reach::kNextEpochs);
  const auto batches = plan_all(here, 2);
  deliver(here, batches[1]);
  here.go_to(7);
  EXPECT_EQ(here.epoch(), 7);
  EXPECT_FALSE(here.has_delivered());
  EXPECT_EQ(here.next_in_order(), 2U) << "what was planned before never comes";
  const auto next = plan(here).value();
  EXPECT_EQ(next.sequence, 2U);
  EXPECT_EQ(next.plan.epoch, 7);
  LoaderState state;
  here.save(state, &next.plan);
  EXPECT_THAT(state.ahead, IsEmpty());
}

TEST_F(CursorTest, LoadsWhatItsOrderHas) {
  auto here = cursor(Reach::kEpoch);
  plan_all(here, 3);
  LoaderState state;
  state.epoch = 4;
  state.batches = 1;
  here.load(state);
  EXPECT_EQ(here.epoch(), 4);
  EXPECT_FALSE(here.exhausted());
  EXPECT_EQ(plan(here).value().plan.batch, 1);
}

TEST_F(CursorTest, StaysWhereItIsWhenItsOrderHasNoSuchPlace) {
  auto here = cursor(Reach::kEpoch);
  const auto first = plan(here).value();
  deliver(here, first);
  LoaderState state;
  state.epoch = 4;
  state.batches = 9;
  EXPECT_THROW(here.load(state), std::invalid_argument);
  EXPECT_EQ(here.epoch(), 0);
  EXPECT_TRUE(here.has_delivered());
  EXPECT_EQ(plan(here).value().plan.batch, 1);
}

}  // namespace
}  // namespace millrace::cursor_test
