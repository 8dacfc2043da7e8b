#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace millrace {

/// The states of a slot:
///
///   kFree --open--> kOpen --lend--> kLent --------> kSettling --release--> kFree
///                   kOpen --cancel--> kDraining --> kSettling --release--> kFree
///
/// An open slot is being filled or is complete; the board knows which. A draining slot belongs to an epoch that was
/// left; it waits for workers that are still writing into it. A settling slot has come home, but a device may still
/// read it (see SlotGate); where no device reads slots, they are released without it.
enum class SlotState { kFree, kOpen, kLent, kDraining, kSettling };

/// What the trainer alone knows about its slots: who has them, what is in them, how often a range was tried. Pure
/// bookkeeping in private memory: no worker can damage it, and a crash leaves it as it is. Not thread-safe.
class Ledger {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Slot {
    SlotState state = SlotState::kFree;
    uint32_t generation = 0;  ///< Changes at every release, so that stale range words are told from fresh ones.
    uint64_t sequence = 0;    ///< Counts the opened batches of the loader's whole life.
    int64_t epoch = 0;
    std::vector<int64_t> indices;       ///< The samples' indices, in batch order.
    std::vector<int64_t> range_deaths;  ///< Workers that died with the range, by range.
    Time lent_since;
  };

  explicit Ledger(size_t slots);

  const Slot& operator[](size_t slot) const { return slots_[slot]; }
  size_t size() const { return slots_.size(); }
  size_t count(SlotState state) const;

  /// Opens a free slot, the one that was released last: its memory is most likely still in the cache. Its indices are
  /// taken from `indices`, which gets the slot's old vector for reuse.
  std::optional<size_t> open(uint64_t sequence, int64_t epoch, size_t ranges, std::vector<int64_t>& indices);

  void lend(size_t slot, Time now);
  void cancel(size_t slot);
  void settle(size_t slot);
  void release(size_t slot);

  /// Counts a death on a range and returns how many there have been.
  int64_t count_death(size_t slot, size_t range);

  /// Sets the deaths on a range to none.
  void forget_deaths(size_t slot, size_t range) { slots_[slot].range_deaths[range] = 0; }

  void replace_index(size_t slot, size_t row, int64_t index) { slots_[slot].indices[row] = index; }

  /// Removes the negative indices, those of rows that were left out.
  void drop_gaps(size_t slot);

  /// The open slot with that sequence.
  std::optional<size_t> find_open(uint64_t sequence) const;

 private:
  void require(size_t slot, SlotState state, const char* step) const;

  std::vector<Slot> slots_;
  std::vector<size_t> free_;
};

}  // namespace millrace
