#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/engine/ledger.h"

// Random lives of a loader whose slots are read by copies to a device. The test keeps its own books of who writes and
// who reads a slot, and never asks the ledger about that; the loader's side of it is the protocol of
// Engine: a slot that comes home settles behind a fence, and is released when the fence has passed.
namespace millrace {
namespace {

constexpr size_t kSlots = 3;
constexpr size_t kStreams = 3;
constexpr size_t kRanges = 2;
constexpr int kSteps = 150;

enum class Guard { kOn, kOff };

class World {
 public:
  World(uint64_t seed, Guard guard) : random_(seed), guard_(guard) {}

  // Empty when all went well, else what did not.
  std::string live(int steps) {
    for (int i = 0; i < steps && fault_.empty(); ++i) {
      step();
      count_up();
    }
    if (fault_.empty()) end();
    return fault_;
  }

 private:
  struct Stream {
    std::deque<size_t> copies;  // The slots that they read, in the order in which they run.
    uint64_t queued = 0;
    uint64_t done = 0;
  };

  // What truly goes on in a slot.
  struct Truth {
    std::array<bool, kRanges> writing = {};
    bool leased = false;
  };

  // What the loader waits for before it releases a slot: so many copies done on each stream.
  using Fence = std::array<uint64_t, kStreams>;

  void step() {
    const size_t slot = random_() % kSlots;
    switch (random_() % 10) {
      case 0:
      case 1:
        return open();
      case 2:
        return finish_range(slot);
      case 3:
        return die(slot);
      case 4:
        return lend(slot);
      case 5:
        return copy(slot);
      case 6:
        return drop(slot);
      case 7:
        return run_one_copy(random_() % kStreams);
      case 8:
        return poll();
      default:
        if (random_() % 4 == 0) cancel_all();  // set_epoch(), load_state_dict()
    }
  }

  void open() {
    std::vector<int64_t> indices = {1, 2, 3};
    const auto slot = ledger_.open(sequence_++, 0, kRanges, indices);
    if (!slot) return;
    if (truth_[*slot].leased) fail("a slot was opened while its tensors live");
    for (const bool writing : truth_[*slot].writing)
      if (writing) fail("a slot was opened while a worker writes into it");
    for (const Stream& stream : streams_)
      for (const size_t source : stream.copies)
        if (source == *slot) fail("a slot was opened while a copy reads it");
    truth_[*slot].writing.fill(true);
  }

  void finish_range(size_t slot) {
    for (bool& writing : truth_[slot].writing)
      if (std::exchange(writing, false)) return;
  }

  // Of a worker: an open slot's range is read again by another one, a draining slot's is given up.
  void die(size_t slot) {
    for (size_t range = 0; range < kRanges; ++range) {
      if (!truth_[slot].writing[range]) continue;
      if (ledger_[slot].state == SlotState::kOpen) ledger_.count_death(slot, range);
      if (ledger_[slot].state == SlotState::kDraining) truth_[slot].writing[range] = false;
    }
  }

  bool complete(size_t slot) const { return truth_[slot].writing == std::array<bool, kRanges>{}; }

  void lend(size_t slot) {
    if (ledger_[slot].state != SlotState::kOpen || !complete(slot)) return;
    ledger_.lend(slot, {});
    truth_[slot].leased = true;
  }

  // By the user, who holds the batch, or ahead of its delivery.
  void copy(size_t slot) {
    const bool staged = ledger_[slot].state == SlotState::kOpen && complete(slot);
    if (!truth_[slot].leased && !staged) return;
    Stream& stream = streams_[random_() % kStreams];
    stream.copies.push_back(slot);
    ++stream.queued;
  }

  void drop(size_t slot) {
    if (std::exchange(truth_[slot].leased, false)) came_home_.push_back(slot);
  }

  void run_one_copy(size_t number) {
    Stream& stream = streams_[number];
    if (stream.copies.empty()) return;
    stream.copies.pop_front();
    ++stream.done;
  }

  void cancel_all() {
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (ledger_[slot].state == SlotState::kOpen) ledger_.cancel(slot);
  }

  // Engine::settle().
  void poll() {
    for (const size_t slot : std::exchange(came_home_, {})) retire(slot);
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (ledger_[slot].state == SlotState::kDraining && complete(slot)) retire(slot);
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (ledger_[slot].state == SlotState::kSettling && passed(fences_[slot])) ledger_.release(slot);
  }

  void retire(size_t slot) {
    if (guard_ == Guard::kOff) return ledger_.release(slot);
    ledger_.settle(slot);
    for (size_t s = 0; s < kStreams; ++s) fences_[slot][s] = streams_[s].queued;
  }

  bool passed(const Fence& fence) const {
    for (size_t s = 0; s < kStreams; ++s)
      if (streams_[s].done < fence[s]) return false;
    return true;
  }

  void count_up() {
    std::array<size_t, std::size(kStates)> seen = {};
    for (size_t slot = 0; slot < kSlots; ++slot) ++seen[static_cast<size_t>(ledger_[slot].state)];
    size_t total = 0;
    for (const SlotState state : kStates) {
      if (ledger_.count(state) != seen[static_cast<size_t>(state)]) fail("the slots of a state are miscounted");
      total += ledger_.count(state);
    }
    if (total != kSlots) fail("a slot is in no state, or in two");
  }

  // Everybody lets go, in any order: then every slot is free.
  void end() {
    cancel_all();
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (random_() % 2) poll();
      truth_[slot].writing.fill(false);
      drop(slot);
    }
    for (size_t s = 0; s < kStreams; ++s)
      while (!streams_[s].copies.empty()) run_one_copy(s);
    poll();
    if (ledger_.count(SlotState::kFree) != kSlots) fail("a slot is stuck though nobody uses it");
    std::vector<int64_t> indices = {1};
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (!ledger_.open(sequence_++, 0, kRanges, indices)) fail("a free slot cannot be opened");
    if (ledger_.open(sequence_++, 0, kRanges, indices)) fail("a slot is free twice");
  }

  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = what;
  }

  static constexpr SlotState kStates[] = {SlotState::kFree, SlotState::kOpen, SlotState::kLent, SlotState::kDraining,
                                          SlotState::kSettling};

  std::mt19937_64 random_;
  Guard guard_;
  Ledger ledger_{kSlots};
  uint64_t sequence_ = 0;
  std::array<Truth, kSlots> truth_;
  std::array<Stream, kStreams> streams_;
  std::array<Fence, kSlots> fences_ = {};
  std::vector<size_t> came_home_;
  std::string fault_;
};

TEST(LedgerProperty, NoSlotIsOpenedWhileItIsReadAndNoneIsStuck) {
  for (uint64_t seed = 0; seed < 100'000; ++seed)
    ASSERT_EQ(World(seed, Guard::kOn).live(kSteps), "") << "seed " << seed;
}

// The negative control: without the guard the same lives go wrong, and the books above see it.
TEST(LedgerProperty, WithoutTheGuardSlotsAreOpenedWhileCopiesReadThem) {
  int caught = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed)
    caught += World(seed, Guard::kOff).live(kSteps) == "a slot was opened while a copy reads it";
  EXPECT_GT(caught, 100);
}

}  // namespace
}  // namespace millrace
