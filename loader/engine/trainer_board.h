#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/loader/engine/board.h"

namespace millrace {

/// The trainer's view of the board: it opens batches, sees how far they are, and alone moves a range word back. It
/// remembers what it told the workers, since any of them may have overwritten it. Used by the loader's thread.
class TrainerBoard : public Board {
 public:
  /// What workers learn of a slot when it is opened, next to its tickets.
  struct Opening {
    uint64_t sequence = 0;  ///< Counts the batches: workers prefer the lowest.
    uint32_t samples = 0;   ///< Samples in the batch.
    uint32_t worker = kAnyWorker;
    uint64_t base_seed = 0;  ///< The epoch's base seed, see SeedMode::kTorch.

    bool operator==(const Opening&) const = default;
  };

  /// A view of `memory`, which is zeroed: all ranges closed, generation 0.
  TrainerBoard(std::byte* memory, const Geometry& geometry) : Board(memory, geometry), told_(geometry.slots) {}

  /// Opens a slot for claiming by opening.worker; the tickets are written. Wakes sleeping workers.
  void open(size_t slot, uint32_t generation, const Opening& opening);

  /// Whether the slot still holds what open() wrote last, which is what workers read.
  bool is_as_told(size_t slot) const;

  /// Opens one range again, whose claimer died or whose batch is mended. Wakes sleeping workers.
  void reopen(size_t slot, size_t range, uint32_t generation);

  /// How often batches, or single ranges of them, have been opened.
  uint64_t times_opened() const { return times_opened_; }

  /// Closes the ranges that nobody has claimed. Claimed ranges are finished by their claimers.
  void close_unclaimed(size_t slot, uint32_t generation);

  /// Sets the word of a range whose claimer died.
  void set(size_t slot, size_t range, RangeWord word);

  RangeWord range(size_t slot, size_t range) const;

  /// A private copy of a range's error, made safe to read: the worker may be hostile.
  RangeError error(size_t slot, size_t range) const;

  /// Has the done bell rung by the worker that finishes the last claimed range of batch `sequence` (nullopt: of any
  /// batch), until stop_waiting(). Look at the board once more before going to sleep.
  void start_waiting(std::optional<uint64_t> sequence);
  void stop_waiting();

  /// Tells all workers to end.
  void stop();

 private:
  void ring_workers();

  std::vector<Opening> told_;  // By slot.
  uint64_t times_opened_ = 0;
};

}  // namespace millrace
