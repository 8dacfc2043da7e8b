#include "millrace/loader/engine/slot_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace millrace::slot_memory_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Of three slots of four rows, and no device.
struct SlotMemoryTest : testing::Test {
  std::optional<SlotMemory> memory{std::in_place, SlotLayout(4, std::array{size_t{256}}), 3U, nullptr};
};

TEST_F(SlotMemoryTest, ASlotComesHomeWithTheLastThatHoldsItsLease) {
  auto lease = memory->lend(1);
  auto other = lease;
  lease.reset();
  EXPECT_THAT(memory->take_returned(), IsEmpty());
  other.reset();
  EXPECT_THAT(memory->take_returned(), ElementsAre(1));
  EXPECT_THAT(memory->take_returned(), IsEmpty()) << "since then";
}

TEST_F(SlotMemoryTest, SlotsComeHomeInTheOrderOfTheirLeases) {
  auto first = memory->lend(0);
  auto second = memory->lend(2);
  second.reset();
  first.reset();
  EXPECT_THAT(memory->take_returned(), ElementsAre(2, 0));
}

TEST_F(SlotMemoryTest, ALeaseKeepsTheMemoryWhenItsLoaderIsGone) {
  const auto lease = memory->lend(2);
  std::byte* const row = memory->body(2).data();
  *row = std::byte{7};
  memory.reset();
  EXPECT_EQ(*row, std::byte{7});
}

TEST_F(SlotMemoryTest, TicketsAndBodiesOfSlotsLieApart) {
  for (size_t slot = 0; slot < 3; ++slot) {
    const auto tickets = std::as_bytes(memory->tickets(slot));
    const auto body = memory->body(slot);
    EXPECT_EQ(tickets.data(), memory->slot(slot));
    EXPECT_GE(body.data(), tickets.data() + tickets.size());
    EXPECT_GE(body.size(), 4 * 256U);
    EXPECT_EQ(body.data() + body.size(), memory->slot(slot) + memory->layout().slot_bytes());
  }
}

TEST_F(SlotMemoryTest, NoDeviceReadsWhereNoneIsServed) {
  EXPECT_FALSE(memory->is_read_by_devices());
  EXPECT_EQ(memory->device_arena(), nullptr);
  EXPECT_EQ(memory->copy_stream(0), nullptr);
  const auto lease = memory->lend(1);
  EXPECT_EQ(memory->device_memory(1, lease).bytes, 0U);
  EXPECT_EQ(lease.use_count(), 1) << "which no tensors keep";
  Delivery delivery;
  memory->guard(delivery, 1);
  EXPECT_EQ(delivery.guarded.gate, nullptr);
  EXPECT_EQ(delivery.guarded.slot, 1U);
  EXPECT_FALSE(delivery.pinned);
}

}  // namespace
}  // namespace millrace::slot_memory_test
