#include "millrace/loader/engine/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace millrace::order_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Four batches an epoch, of two samples each; batch b of epoch e begins with 100 e + 2 b.
struct FourBatches {
  int64_t size() const { return 4; }
  void set_epoch(int64_t to) {
    if (to == broken_epoch) throw std::runtime_error("no such epoch");
    epoch = to;
    batch = 0;
  }
  bool next(std::vector<int64_t>& indices) {
    if (batch == 4) return false;
    const int64_t here = batch++;
    if (broken.contains(here)) throw std::runtime_error("batch " + std::to_string(here));
    indices = {100 * epoch + 2 * here, 100 * epoch + 2 * here + 1};
    return true;
  }

  std::set<int64_t> broken = {};
  int64_t broken_epoch = -1;
  int64_t epoch = 0;
  int64_t batch = 0;
};

struct Planned {
  BatchPlan plan;
  std::vector<int64_t> indices;
};

std::optional<Planned> plan(Order& order) {
  Planned planned;
  if (!order.next(planned.plan, planned.indices)) return std::nullopt;
  return planned;
}

std::string complaint(Order& order, const LoaderState& state) {
  try {
    order.load(state);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

const std::string kCannot = "this loader cannot go on from that state: ";
const std::string kChanged = ", so it was changed since a loader gave it";

TEST(IndexOrder, PlansBatchesWithTheirPlaceInTheEpoch) {
  IndexOrder order(FourBatches{});
  order.begin(2);
  plan(order);
  const auto second = plan(order).value();
  EXPECT_EQ(second.plan.epoch, 2);
  EXPECT_EQ(second.plan.batch, 1);
  EXPECT_EQ(second.plan.position, 2);
  EXPECT_EQ(second.plan.error, nullptr);
  EXPECT_THAT(second.indices, ElementsAre(202, 203));
  plan(order);
  plan(order);
  EXPECT_FALSE(plan(order).has_value());
}

TEST(IndexOrder, GoesOnBehindABatchThatCouldNotBePlanned) {
  IndexOrder order(FourBatches{.broken = {1, 3}});
  order.begin(0);
  plan(order);
  const auto broken = plan(order).value();
  EXPECT_THROW(std::rethrow_exception(broken.plan.error), std::runtime_error);
  EXPECT_THAT(broken.indices, IsEmpty());
  EXPECT_EQ(plan(order).value().plan.batch, 2);
  EXPECT_NE(plan(order).value().plan.error, nullptr) << "the errors were not in a row";
}

TEST(IndexOrder, EndsTheEpochOfASamplerThatIsBrokenForGood) {
  IndexOrder order(FourBatches{.broken = {0, 1, 2}});
  order.begin(0);
  EXPECT_NE(plan(order).value().plan.error, nullptr);
  EXPECT_NE(plan(order).value().plan.error, nullptr);
  EXPECT_FALSE(plan(order).has_value());
}

TEST(IndexOrder, LosesAnEpochThatCannotBeBegunAndNoOther) {
  IndexOrder order(FourBatches{.broken_epoch = 1});
  EXPECT_NO_THROW(order.begin(1));
  EXPECT_NE(plan(order).value().plan.error, nullptr);
  EXPECT_FALSE(plan(order).has_value());
  order.begin(2);
  EXPECT_EQ(plan(order).value().plan.error, nullptr);
}

TEST(IndexOrder, GoesOnFromWhereAnotherWas) {
  IndexOrder order(FourBatches{});
  order.begin(0);
  plan(order);
  const auto next = plan(order).value();
  plan(order);
  LoaderState state;
  order.save(state, 0, &next.plan);
  EXPECT_EQ(state.batches, 1);
  EXPECT_EQ(state.position, 2);
  IndexOrder other(FourBatches{});
  other.load(state);
  const auto resumed = plan(other).value();
  EXPECT_THAT(resumed.indices, ElementsAre(2, 3));
  EXPECT_EQ(resumed.plan.batch, 1);
  EXPECT_EQ(resumed.plan.position, 2);
}

TEST(IndexOrder, PassesOverWhatWasDeliveredAhead) {
  IndexOrder order(FourBatches{});
  LoaderState state;
  state.ahead = {1, 2};
  order.load(state);
  EXPECT_EQ(plan(order).value().plan.batch, 0);
  const auto next = plan(order).value();
  EXPECT_EQ(next.plan.batch, 3);
  EXPECT_EQ(next.plan.position, 6);
  order.begin(0);
  plan(order);
  EXPECT_EQ(plan(order).value().plan.batch, 1) << "the epoch from its beginning";
}

TEST(IndexOrder, SavesWhatIsStillAhead) {
  IndexOrder order(FourBatches{});
  LoaderState state;
  state.ahead = {2};
  order.load(state);
  plan(order);
  const auto next = plan(order).value();
  LoaderState saved;
  order.save(saved, 0, &next.plan);
  EXPECT_THAT(saved.ahead, ElementsAre(1)) << "counted from the next";
}

TEST(IndexOrder, KnowsTheEndOfAnEpochBehindWhichItPlans) {
  IndexOrder order(FourBatches{});
  order.begin(0);
  while (plan(order)) continue;
  order.begin(1);
  plan(order);
  LoaderState state;
  order.save(state, 0, nullptr);
  EXPECT_EQ(state.batches, 4);
  EXPECT_EQ(state.position, 8);
}

struct Change {
  std::string name;
  std::function<void(LoaderState&)> change;
  std::string text;
};

struct IndexStates : testing::TestWithParam<Change> {};

TEST_P(IndexStates, AreRefusedWithTheReason) {
  IndexOrder order(FourBatches{});
  LoaderState state;
  state.epoch = 1;
  state.sampler.epoch = 1;
  ASSERT_EQ(complaint(order, state), "none");
  GetParam().change(state);
  EXPECT_EQ(complaint(order, state), kCannot + GetParam().text);
}

const std::vector<Change> kIndexChanges = {
    {"OfStreams", [](auto& s) { s.streams.resize(1); }, "it is one of streams, and this dataset is read by index"},
    {"Batches", [](auto& s) { s.batches = -1; }, "its batches is -1; it cannot be negative" + kChanged},
    {"Position", [](auto& s) { s.position = -1; }, "its position is -1; it cannot be negative" + kChanged},
    {"SamplersEpoch", [](auto& s) { s.sampler.epoch = -1; },
     "its sampler's epoch is -1; it cannot be negative" + kChanged},
    {"SamplersPosition", [](auto& s) { s.sampler.position = -1; },
     "its sampler's position is -1; it cannot be negative" + kChanged},
    {"NextStream", [](auto& s) { s.next_stream = 2; }, "its next_stream is 2, but it has no streams" + kChanged},
    {"SamplesOfNoBatch", [](auto& s) { s.position = 3; },
     "its position is 3, but no batch of the epoch was given" + kChanged},
    {"SamplerBehind", [](auto& s) { s.epoch = 2; }, "its sampler's epoch is 1, but its epoch is 2" + kChanged},
    {"NegativeAhead", [](auto& s) { s.ahead = {-1}; }, "its ahead is -1; it cannot be negative" + kChanged},
    {"AheadTwice", [](auto& s) { s.ahead = {2, 2}; }, "it says twice that batch 2 was given ahead" + kChanged},
};
INSTANTIATE_TEST_SUITE_P(Order, IndexStates, testing::ValuesIn(kIndexChanges),
                         [](const auto& tested) { return tested.param.name; });

// Of two streams, four samples a batch.
struct StreamOrderTest : testing::Test {
  // As the trainer says it of a planned batch.
  void deliver(const Planned& planned, bool ended = false) {
    PackedBatch batch;
    batch.samples = 4;
    batch.ended = ended;
    batch.state = {std::byte{7}};
    order.passed(planned.plan, &batch);
  }

  LoaderState saved() const {
    LoaderState state;
    order.save(state, 0, nullptr);
    return state;
  }

  StreamOrder order{2, 4, false, 0};
};

TEST_F(StreamOrderTest, BatchesTakeTurns) {
  order.begin(3);
  EXPECT_EQ(plan(order).value().plan.stream.stream, 0);
  EXPECT_EQ(plan(order).value().plan.stream.stream, 1);
  const auto third = plan(order).value();
  EXPECT_EQ(third.plan.stream.stream, 0);
  EXPECT_EQ(third.plan.stream.position, 4);
  EXPECT_EQ(third.plan.stream.epoch, 3);
  EXPECT_EQ(third.plan.batch, 2);
  EXPECT_THAT(third.indices, IsEmpty());
}

TEST_F(StreamOrderTest, PassesOverStreamsThatHaveEnded) {
  const auto first = plan(order).value();
  const auto second = plan(order).value();
  deliver(first, true);
  EXPECT_EQ(plan(order).value().plan.stream.stream, 1);
  EXPECT_EQ(plan(order).value().plan.stream.stream, 1);
  deliver(second, true);
  EXPECT_FALSE(plan(order).has_value());
  order.begin(1);
  EXPECT_TRUE(plan(order).has_value());
}

TEST_F(StreamOrderTest, GoesBackToTheLastKnownStateOfAStream) {
  const auto first = plan(order).value();
  plan(order);
  deliver(first);
  const auto next = plan(order).value();
  EXPECT_EQ(next.plan.stream.known_position, 4);
  EXPECT_THAT(next.plan.stream.known_state, ElementsAre(std::byte{7}));
  plan(order);
  order.passed(next.plan, nullptr);
  EXPECT_THAT(plan(order).value().plan.stream.known_state, IsEmpty()) << "of what is lost nobody knows it";
}

TEST_F(StreamOrderTest, CountsWhatWasDeliveredOfItsEpoch) {
  const auto first = plan(order).value();
  const auto second = plan(order).value();
  deliver(first);
  order.passed(second.plan, nullptr);
  EXPECT_EQ(saved().batches, 2);
  order.begin(1);
  deliver(first);
  EXPECT_EQ(saved().batches, 0) << "it was of another";
}

TEST_F(StreamOrderTest, GoesOnFromWhereAnotherWas) {
  const auto first = plan(order).value();
  plan(order);
  plan(order);
  deliver(first);
  StreamOrder other(2, 4, false, 0);
  other.load(saved());
  EXPECT_EQ(plan(other).value().plan.stream.stream, 1);
  const auto next = plan(other).value();
  EXPECT_EQ(next.plan.stream.stream, 0);
  EXPECT_EQ(next.plan.stream.position, 4);
  EXPECT_THAT(next.plan.stream.known_state, ElementsAre(std::byte{7}));
}

TEST_F(StreamOrderTest, HasTheSizeThatPyTorchSays) {
  EXPECT_EQ(StreamOrder(2, 4, false, 0).size(), std::nullopt);
  EXPECT_EQ(StreamOrder(2, 4, false, 9).size(), 3);
  EXPECT_EQ(StreamOrder(2, 4, true, 9).size(), 2);
}

struct StreamStates : testing::TestWithParam<Change> {};

TEST_P(StreamStates, AreRefusedWithTheReason) {
  StreamOrder order(2, 4, false, 0);
  LoaderState state;
  state.streams.resize(2);
  ASSERT_EQ(complaint(order, state), "none");
  GetParam().change(state);
  EXPECT_EQ(complaint(order, state), kCannot + GetParam().text);
}

const std::vector<Change> kStreamChanges = {
    {"OfIndices", [](auto& s) { s.streams.clear(); },
     "it is one of a dataset that is read by index, and this one gives streams"},
    {"AnotherNumber", [](auto& s) { s.streams.resize(3); },
     "it is one of 3 streams, this loader has 2: set DataLoaderOptions::num_streams to what it was"},
    {"NextStream", [](auto& s) { s.next_stream = 2; }, "its next_stream is 2, but there are 2 streams" + kChanged},
    {"Sampler", [](auto& s) { s.position = 1; }, "it says where a sampler is, but streams have none" + kChanged},
    {"Batches", [](auto& s) { s.batches = -1; }, "its batches is -1; it cannot be negative" + kChanged},
    {"StreamsPosition", [](auto& s) { s.streams[1].position = -1; }, "it has a stream at position -1" + kChanged},
    {"EndedAtItsBeginning", [](auto& s) { s.streams[1].ended = true; },
     "it has a stream at position 0 that has been read" + kChanged},
    {"MoreBatchesThanSamples",
     [](auto& s) {
       s.streams[0].position = 2;
       s.batches = 3;
     },
     "its batches is 3, but its streams have given 2 samples at most" + kChanged},
};
INSTANTIATE_TEST_SUITE_P(Order, StreamStates, testing::ValuesIn(kStreamChanges),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace millrace::order_test
