#include "millrace/loader/engine/deliveries.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/loader/errors.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/fill_request.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::deliveries_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Source::Kind;

// Rows of two fields: 256 bytes and one.
struct DeliveriesTest : testing::Test, engine_fakes::Bench {
  DeliveriesTest() { std::tie(crew.sockets[0], sender) = FdSocket::pair(); }

  Deliveries of(Kind kind) { return Deliveries(kind, EmptyBatches::kLeftOut, spec, in_flight, slots, overflow, kept); }

  void fill_rows(size_t slot) {
    for (size_t row = 0; row < 4; ++row)
      for (size_t field = 0; field < 2; ++field)
        std::memset(slots.layout().row(slots.slot(slot), field, row), static_cast<int>(16 * field + row + 1),
                    slots.layout().row_bytes(field));
  }

  // The last byte of each of `count` rows.
  std::vector<int> rows(size_t slot, size_t field, size_t count) const {
    std::vector<int> values;
    const auto& layout = slots.layout();
    for (size_t row = 0; row < count; ++row)
      values.push_back(std::to_integer<int>(layout.row(slots.slot(slot), field, row)[layout.row_bytes(field) - 1]));
    return values;
  }

  static PackedBatch batch_of(uint32_t samples) {
    PackedBatch batch;
    batch.samples = samples;
    pack_value(batch, at::ones({3}));
    return batch;
  }

  void pack(size_t slot, const PackedBatch& batch) const { PackedLayout(batch).write(slots.body(slot)); }

  // As worker 0, in place of a slot's contents.
  void spill(size_t slot, const PackedBatch& batch) {
    write_spilled(slots.body(slot));
    const PackedLayout layout(batch);
    const size_t lines = (sizeof(SpillPrefix) + layout.bytes() + sizeof(SpillPrefix) - 1) / sizeof(SpillPrefix);
    std::vector<SpillPrefix> message(lines);  // For their alignment.
    message[0].slot = slot;
    message[0].generation = in_flight[slot].generation;
    const auto bytes = std::as_writable_bytes(std::span(message));
    layout.write(bytes.subspan(sizeof(SpillPrefix)));
    sender.send(bytes);
  }

  // What is wrong with the contents of a slot.
  std::string complaint(Kind kind, size_t slot) {
    try {
      of(kind).lend(slot, {});
    } catch (const BoardCorrupted& e) {
      return e.what();
    }
    return "none";
  }

  std::shared_ptr<const SampleSpec> spec = std::make_shared<SampleSpec>();
  SlotMemory slots{SlotLayout(4, std::array{size_t{256}, size_t{1}}), kGeometry.slots, nullptr};
  FdSocket sender;
  Overflow overflow{crew, board, in_flight};
  KeptMemory kept{DataLoaderOptions(4).held(2)};
};

TEST_F(DeliveriesTest, LendRowsWhereTheyLie) {
  open();
  const size_t slot = open({10, 11, 12});
  std::optional<Delivery> delivery = of(Kind::kRows).lend(slot, {});
  EXPECT_EQ(in_flight[slot].state, SlotState::kLent);
  EXPECT_EQ(delivery->samples, 3);
  EXPECT_THAT(delivery->indices, ElementsAre(10, 11, 12));
  EXPECT_EQ(delivery->slot, slots.slot(slot));
  EXPECT_EQ(delivery->layout, &slots.layout());
  EXPECT_EQ(delivery->spec, spec);
  EXPECT_FALSE(delivery->packed.has_value());
  EXPECT_THAT(slots.take_returned(), IsEmpty());
  delivery.reset();
  EXPECT_THAT(slots.take_returned(), ElementsAre(slot));
}

// Lends two slots, as many as may be held, and gives the third.
TEST_F(DeliveriesTest, CopyRowsThatWouldBeOneMoreThanMayBeHeldAndFreeTheirSlot) {
  std::vector<Delivery> held;
  for (int i = 0; i < 2; ++i) held.push_back(of(Kind::kRows).lend(open({1, 2}), {}));
  const size_t slot = open({10, kNoSample, 12});
  fill_rows(slot);
  const Delivery delivery = of(Kind::kRows).lend(slot, {});
  EXPECT_EQ(in_flight[slot].state, SlotState::kFree);
  EXPECT_TRUE(delivery.kept);
  EXPECT_EQ(delivery.slot, nullptr);
  EXPECT_THAT(delivery.indices, ElementsAre(10, 12));
  fill_rows(slot);  // The slot's next batch.
  for (const auto& [row, value] : {std::pair(0, 17), std::pair(1, 19)})
    EXPECT_EQ(std::to_integer<int>(delivery.kept_rows.at(1).data[row]), value);
}

TEST_F(DeliveriesTest, CopyPackedBatchesThatWouldBeOneMoreThanMayBeHeld) {
  std::vector<Delivery> held;
  for (int i = 0; i < 2; ++i) held.push_back(of(Kind::kRows).lend(open({1, 2}), {}));
  const size_t slot = open({10});
  pack(slot, batch_of(1));
  Delivery delivery = of(Kind::kPacked).lend(slot, {});
  EXPECT_EQ(in_flight[slot].state, SlotState::kFree);
  std::memset(slots.body(slot).data(), 0, slots.body(slot).size());
  EXPECT_TRUE(unpack_value<at::Tensor>(*std::move(delivery.packed)).equal(at::ones({3})));
}

TEST_F(DeliveriesTest, LendWhenNoMemoryIsLeftForCopies) {
  KeptMemory one{DataLoaderOptions(4).held(1).kept_bytes(600)};  // 512 and 64 a batch.
  Deliveries tested(Kind::kRows, EmptyBatches::kLeftOut, spec, in_flight, slots, overflow, one);
  std::vector<Delivery> deliveries;
  for (int i = 0; i < 2; ++i) deliveries.push_back(tested.lend(open({1, 2}), {}));
  EXPECT_TRUE(deliveries[1].kept);
  EXPECT_FALSE(tested.lend(open({1, 2}), {}).kept);
  deliveries.pop_back();
  EXPECT_TRUE(tested.lend(open({1, 2}), {}).kept) << "what was freed can be used again";
}

// So that keeping the targets of an epoch does not cost its pictures.
TEST_F(DeliveriesTest, CopyEachFieldIntoMemoryOfItsOwn) {
  KeptMemory few{DataLoaderOptions(4).held(1).kept_bytes(2048)};
  Deliveries tested(Kind::kRows, EmptyBatches::kLeftOut, spec, in_flight, slots, overflow, few);
  const Delivery held = tested.lend(open({1, 2}), {});
  std::vector<KeptMemory::Block> targets;
  for (int i = 0; i < 20; ++i) {
    const Delivery delivery = tested.lend(open({1, 2}), {});
    ASSERT_TRUE(delivery.kept) << i;
    targets.push_back(delivery.kept_rows.at(1));
  }
}

TEST_F(DeliveriesTest, CopyEachTensorOfAPackedBatchIntoMemoryOfItsOwn) {
  KeptMemory few{DataLoaderOptions(4).held(1).kept_bytes(2048)};
  Deliveries tested(Kind::kPacked, EmptyBatches::kLeftOut, spec, in_flight, slots, overflow, few);
  PackedBatch batch;
  batch.samples = 2;
  pack_value(batch, std::vector{at::ones({100}), at::Tensor(), at::zeros({0, 3}), at::ones({3})});
  std::vector<at::Tensor> targets;
  for (int i = 0; i < 20; ++i) {
    const size_t slot = open({1, 2});
    pack(slot, batch);
    const Delivery delivery = tested.lend(slot, {});
    ASSERT_EQ(delivery.kept, i > 0);
    ASSERT_EQ(delivery.packed->tensors.size(), 4U);
    EXPECT_FALSE(delivery.packed->tensors[1].defined());
    EXPECT_EQ(delivery.packed->tensors[2].sizes(), (std::vector<int64_t>{0, 3}));
    targets.push_back(delivery.packed->tensors[3]);
  }
  for (const auto& target : targets) EXPECT_TRUE(target.equal(at::ones({3})));
}

TEST_F(DeliveriesTest, CloseTheGapsOfRowsThatWereLeftOut) {
  const size_t slot = open({kNoSample, 11, kNoSample, 13});
  fill_rows(slot);
  const Delivery delivery = of(Kind::kRows).lend(slot, {});
  EXPECT_EQ(delivery.samples, 2);
  EXPECT_THAT(delivery.indices, ElementsAre(11, 13));
  EXPECT_THAT(rows(slot, 0, 2), ElementsAre(2, 4));
  EXPECT_THAT(rows(slot, 1, 2), ElementsAre(18, 20));
}

TEST_F(DeliveriesTest, FreeTheSlotOfABatchOfWhichNothingIsLeft) {
  const size_t slot = open({kNoSample, kNoSample});
  const Delivery delivery = of(Kind::kRows).lend(slot, {});
  EXPECT_EQ(delivery.samples, 0);
  EXPECT_EQ(delivery.owner, nullptr);
  EXPECT_EQ(in_flight[slot].state, SlotState::kFree);
}

TEST_F(DeliveriesTest, FreeTheSlotOfAPackedBatchThatNobodyMade) {
  std::vector<int64_t> none;
  const size_t slot = in_flight.open(0, BatchPlan(), 0, none);
  const Delivery delivery = of(Kind::kPacked).lend(slot, {});
  EXPECT_EQ(delivery.samples, 0);
  EXPECT_FALSE(delivery.packed.has_value());
  EXPECT_EQ(in_flight[slot].state, SlotState::kFree);
}

TEST_F(DeliveriesTest, LendAPackedBatchUntilItsLastTensorIsGone) {
  const size_t slot = open();
  pack(slot, batch_of(4));
  std::optional<Delivery> delivery = of(Kind::kPacked).lend(slot, {});
  EXPECT_EQ(in_flight[slot].state, SlotState::kLent);
  EXPECT_EQ(delivery->samples, 4);
  EXPECT_FALSE(delivery->came_by_message);
  std::optional<at::Tensor> tensor = delivery->packed->tensors.at(0);
  EXPECT_TRUE(tensor->equal(at::ones({3})));
  delivery.reset();
  EXPECT_THAT(slots.take_returned(), IsEmpty());
  tensor.reset();
  EXPECT_THAT(slots.take_returned(), ElementsAre(slot));
}

TEST_F(DeliveriesTest, CountTheSamplesOfAPackedBatchByItsIndicesAndOfAStreamByWhatItSays) {
  const size_t packed = open({10, kNoSample, 12});
  pack(packed, batch_of(99));
  const Delivery delivery = of(Kind::kPacked).lend(packed, {});
  EXPECT_EQ(delivery.samples, 2);
  EXPECT_THAT(delivery.indices, ElementsAre(10, 12));
  std::vector<int64_t> none;
  const size_t stream = in_flight.open(9, BatchPlan(), 1, none);
  pack(stream, batch_of(3));
  EXPECT_EQ(of(Kind::kStreams).lend(stream, {}).samples, 3);
}

TEST_F(DeliveriesTest, TakeWhatIsLargerThanASlotFromItsMessage) {
  const size_t slot = open();
  spill(slot, batch_of(4));
  const Delivery delivery = of(Kind::kPacked).lend(slot, {});
  EXPECT_TRUE(delivery.came_by_message);
  EXPECT_TRUE(delivery.packed->tensors.at(0).equal(at::ones({3})));
  EXPECT_THAT(slots.take_returned(), ElementsAre(slot)) << "while the batch is still held";
}

TEST_F(DeliveriesTest, RefuseContentsThatNoWorkerWrites) {
  const size_t slot = open();
  std::memset(slots.body(slot).data(), 0x55, 64);
  EXPECT_THAT(complaint(Kind::kPacked, slot), HasSubstr("(slot 0, there is no batch where one should be)"));
}

TEST_F(DeliveriesTest, RefuseAMessageThatDidNotCome) {
  const size_t slot = open();
  write_spilled(slots.body(slot));
  EXPECT_THAT(complaint(Kind::kPacked, slot), HasSubstr("(slot 0, a batch that should have come by message did not)"));
}

TEST_F(DeliveriesTest, ShowRowsBeforeTheyAreLent) {
  const size_t slot = open();
  const auto preview = of(Kind::kRows).preview(slot);
  ASSERT_TRUE(preview.has_value());
  EXPECT_EQ(preview->slot, slots.slot(slot));
  EXPECT_EQ(preview->owner, nullptr);
  EXPECT_EQ(in_flight[slot].state, SlotState::kOpen);
}

TEST_F(DeliveriesTest, ShowAPackedBatchBeforeItIsLent) {
  const size_t slot = open();
  pack(slot, batch_of(4));
  {
    const auto preview = of(Kind::kPacked).preview(slot);
    ASSERT_TRUE(preview.has_value());
    EXPECT_TRUE(preview->packed->tensors.at(0).equal(at::ones({3})));
  }
  EXPECT_EQ(in_flight[slot].state, SlotState::kOpen);
  EXPECT_THAT(slots.take_returned(), IsEmpty());
}

TEST_F(DeliveriesTest, DoNotShowWhatIsNotSimplyWhatWorkersWrote) {
  const size_t gaps = open({10, kNoSample});
  EXPECT_FALSE(of(Kind::kRows).preview(gaps).has_value()) << "rows with gaps";
  EXPECT_FALSE(of(Kind::kPacked).preview(gaps).has_value()) << "a batch with gaps";
  const size_t slot = open();
  std::memset(slots.body(slot).data(), 0x55, 64);
  EXPECT_FALSE(of(Kind::kPacked).preview(slot).has_value()) << "garbled";
  write_spilled(slots.body(slot));
  EXPECT_FALSE(of(Kind::kPacked).preview(slot).has_value()) << "by message";
  pack(slot, batch_of(0));
  EXPECT_FALSE(of(Kind::kStreams).preview(slot).has_value()) << "of a stream that has none left";
}

}  // namespace
}  // namespace millrace::deliveries_test
