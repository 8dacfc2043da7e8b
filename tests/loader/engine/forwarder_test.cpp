#include "millrace/loader/engine/forwarder.h"

#include <gmock/gmock.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "millrace/tests/loader/device/device_testing.h"
#include "millrace/tests/loader/engine/fakes.h"

// Runs on the fake driver.
namespace millrace::forwarder_test {
namespace {

using engine_fakes::ScriptedOrder;
using testing::kFirstDevice;
using ::testing::SizeIs;

// Three batches of four rows of one int64, in their order; a slot has its batch's number in every row.
struct ForwarderTest : testing::OnFakeDevice, engine_fakes::Bench {
  ForwarderTest() {
    for (int64_t batch = 0; batch < 3; ++batch) open_next();
  }

  void open_next() {
    BatchPlan plan;
    std::vector<int64_t> indices;
    const uint64_t sequence = cursor.plan_next(plan, indices).value();
    const size_t slot = in_flight.open(sequence, plan, 2, indices);
    board.open(slot, in_flight[slot].generation, {.sequence = sequence, .samples = 4});
    const std::array<int64_t, 4> rows = {plan.batch, plan.batch, plan.batch, plan.batch};
    std::memcpy(slots.layout().row(slots.slot(slot), 0, 0), rows.data(), sizeof rows);
  }

  void complete(size_t slot, RangeState last = RangeState::kDone) {
    board.set(slot, 0, {in_flight[slot].generation, RangeState::kDone, 1});
    board.set(slot, 1, {in_flight[slot].generation, last, 1});
  }

  Delivery bring(Forwarder& forwarder, size_t slot) {
    Delivery delivery = deliveries.lend(slot, {});
    forwarder.bring(slot, delivery, stats);
    return delivery;
  }

  static std::vector<int64_t> values_of(const Delivery& delivery) {
    const at::Tensor there = delivery.on_device->tensor(0);
    EXPECT_EQ(there.device(), kFirstDevice);
    const at::Tensor rows = fake_torch::to_host(there);
    return {rows.const_data_ptr<int64_t>(), rows.const_data_ptr<int64_t>() + rows.numel()};
  }

  Cursor cursor{std::make_unique<ScriptedOrder>(
                    std::vector<ScriptedOrder::Batch>{{{0, 1, 2, 3}}, {{4, 5, 6, 7}}, {{8, 9, 10, 11}}}),
                Cursor::Reach::kEpoch};
  std::shared_ptr<const SampleSpec> spec =
      std::make_shared<SampleSpec>(SampleSpec{{"number", c10::ScalarType::Long, {}}});
  SlotMemory slots{SlotLayout(4, std::array{sizeof(int64_t)}), kGeometry.slots, nullptr};
  Overflow overflow{crew, board, in_flight};
  KeptMemory kept{DataLoaderOptions(4)};
  Deliveries deliveries{Source::Kind::kRows, EmptyBatches::kLeftOut, spec, in_flight, slots, overflow, kept};
  Completion completion{Completion::Turn::kInOrder, in_flight, board, cursor};
  LoaderStats stats;
};

TEST_F(ForwarderTest, BringsABatchToTheDeviceAndLetsItsSlotGoHome) {
  Forwarder forwarder(kFirstDevice, kGeometry.slots, /*prefetch=*/0, deliveries, completion);
  complete(0);
  const Delivery delivery = bring(forwarder, 0);
  EXPECT_EQ(values_of(delivery), (std::vector<int64_t>{0, 0, 0, 0}));
  EXPECT_EQ(delivery.owner, nullptr);
  EXPECT_THAT(slots.take_returned(), SizeIs(1));
  EXPECT_EQ(stats.device_copies, 1u);
  EXPECT_EQ(stats.copied_ahead, 0u);
}

TEST_F(ForwarderTest, BeginsTheCopiesOfTheBatchesBehindIt) {
  Forwarder forwarder(kFirstDevice, kGeometry.slots, /*prefetch=*/2, deliveries, completion);
  for (size_t slot = 0; slot < 3; ++slot) complete(slot);
  bring(forwarder, 0);
  // What lies in the slot now comes too late: the copy is what was there when it began.
  std::memset(slots.layout().row(slots.slot(1), 0, 0), 0, 4 * sizeof(int64_t));
  EXPECT_EQ(values_of(bring(forwarder, 1)), (std::vector<int64_t>{1, 1, 1, 1}));
  EXPECT_EQ(stats.device_copies, 2u);
  EXPECT_EQ(stats.copied_ahead, 1u);
}

TEST_F(ForwarderTest, CopiesNoneAheadThatIsNotCompleteAndSound) {
  Forwarder forwarder(kFirstDevice, kGeometry.slots, /*prefetch=*/2, deliveries, completion);
  complete(0);
  complete(1, RangeState::kFailed);
  bring(forwarder, 0);
  complete(1);
  complete(2);
  bring(forwarder, 1);
  EXPECT_EQ(stats.copied_ahead, 0u);
}

TEST_F(ForwarderTest, DropsACopyOfABatchThatIsNotWantedAnyMore) {
  Forwarder forwarder(kFirstDevice, kGeometry.slots, /*prefetch=*/2, deliveries, completion);
  for (size_t slot = 0; slot < 3; ++slot) complete(slot);
  bring(forwarder, 0);
  forwarder.drop(1);
  std::memset(slots.layout().row(slots.slot(1), 0, 0), 0, 4 * sizeof(int64_t));
  EXPECT_EQ(values_of(bring(forwarder, 1)), (std::vector<int64_t>{0, 0, 0, 0}));
  EXPECT_EQ(stats.copied_ahead, 0u);
}

}  // namespace
}  // namespace millrace::forwarder_test
