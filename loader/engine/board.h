#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace millrace {

// The board is the loader's index queue and result queue in one piece of shared memory: what passes over it are handles
// (slot, generation, range), never data.
//
// Thread safety: every field is an atomic or has one writer at a time, named at the field. Trainer and workers may be
// processes or threads.
//
// Invariants:
//   - A range word changes kOpen -> kClaimed -> kDone | kFailed by workers, each step by one compare-and-swap or by the
//     claimer alone. Only the trainer moves a word back, and only for a generation it opened, after the claimer is
//     dead.
//   - Whoever reads kOpen (acquire) sees the tickets of that generation, which the trainer wrote before (release).
//   - Whoever reads kDone or kFailed (acquire) sees the rows or the error, which the claimer wrote before (release).
//
// If a process dies here: a worker killed before the claim changed nothing; after it, the word says who held the range;
// after kDone the rows are complete. A sleeper that is killed leaves its own beacon marked asleep, which costs one
// needless wake-up. A word is 64 bits wide and never torn. There is no lock, no list and no count, so nothing else
// needs repair.

/// The states of a range of a slot's samples.
enum class RangeState : uint8_t { kClosed, kOpen, kClaimed, kDone, kFailed };

/// A range's whole state in one word.
struct RangeWord {
  uint32_t generation = 0;  ///< The slot's, counted by the trainer; tells a stale word from a fresh one.
  RangeState state = RangeState::kClosed;
  uint32_t incarnation = 0;  ///< The claimer's; 24 bits, never reused by a loader; 0 is the trainer.

  static constexpr uint32_t kMaxIncarnation = (1U << 24) - 1;

  uint64_t pack() const {
    return uint64_t{generation} << 32 | uint64_t{static_cast<uint8_t>(state)} << 24 | incarnation;
  }
  static RangeWord unpack(uint64_t word) {
    return {static_cast<uint32_t>(word >> 32), static_cast<RangeState>(word >> 24 & 0xff),
            static_cast<uint32_t>(word & kMaxIncarnation)};
  }

  /// Whether the word is as the trainer opens it. In a word that was overwritten, the state alone may say kOpen.
  bool open() const { return state == RangeState::kOpen && incarnation == 0; }

  /// Whether a worker has the range still to do, or at hand.
  bool pending() const { return state == RangeState::kOpen || state == RangeState::kClaimed; }
};

/// What a worker is doing, for messages. Only wake-ups depend on it.
enum class WorkerPhase : uint32_t { kStarting, kIdle, kInit, kReading };

/// One worker's notes about itself. Written by that worker alone.
struct alignas(64) Beacon {
  std::atomic<uint32_t> incarnation;  ///< The writer's incarnation.
  std::atomic<WorkerPhase> phase;
  std::atomic<uint32_t> sleeping;  ///< 1 from before its last look for work until after it woke up.
  std::atomic<int64_t> sample;     ///< The sample being read, when phase is kReading.
  std::atomic<int64_t> since_ns;   ///< CLOCK_MONOTONIC of the last change.
  std::atomic<uint64_t> samples_started;
  std::atomic<uint64_t> damaged_jpegs;  ///< Damaged JPEGs that were read in this place, for statistics.
};

/// An error inside a range. Written by the claimer before kFailed; texts are cut to fit and end in a zero byte.
struct RangeError {
  uint32_t sample = 0;  ///< The sample's position in the batch.
  int64_t index = -1;   ///< The sample's index in the dataset, or its position in a stream.
  std::array<char, 112> type;
  std::array<char, 640> path;
  std::array<char, 1280> message;
};
static_assert(sizeof(RangeError) == 2048);

/// The shared memory of a board: what trainer and workers both know of it. Each side has a view with its own steps,
/// TrainerBoard and WorkerBoard. A value; copies see the same memory, which must outlive them.
class Board {
 public:
  struct Geometry {
    uint32_t slots = 0;
    uint32_t ranges = 0;         ///< The most ranges that a slot has.
    uint32_t range_samples = 0;  ///< Samples of a range; a slot's last range may have fewer.
    uint32_t workers = 0;
    uint32_t stage_bytes = 0;  ///< Room for what each worker measures of itself, see stage_block.h; whole lines of 64.

    template <class Archive>
    void serialize(Archive& archive) {
      archive(slots, ranges, range_samples, workers, stage_bytes);
    }
  };

  /// The worker's number that stands for any worker. The trainer itself, reading inline, is worker 0.
  static constexpr uint32_t kAnyWorker = UINT32_MAX;

  static size_t bytes(const Geometry& geometry);

  const Geometry& geometry() const { return geometry_; }
  Beacon& beacon(size_t worker) const;

  /// Room for what the worker measures of itself; empty where nothing is measured.
  std::span<std::byte> stage_memory(size_t worker) const;

  /// Whether workers have been told to end.
  bool stopping() const;

  /// The number of ranges of a slot with that many samples.
  size_t range_count(size_t samples) const { return (samples + geometry_.range_samples - 1) / geometry_.range_samples; }

 protected:
  struct Header;
  struct SlotHeader;

  Board(std::byte* memory, const Geometry& geometry) : memory_(memory), geometry_(geometry) {}

  Header& header() const;
  SlotHeader& slot_header(size_t slot) const;
  std::atomic<uint64_t>& word(size_t slot, size_t range) const;
  RangeError& error_area(size_t slot, size_t range) const;

 private:
  std::byte* memory_;
  Geometry geometry_;
};

// Written by the trainer, read by workers.
struct alignas(64) Board::Header {
  std::atomic<uint32_t> doorbell;  // The futex workers sleep on; changes whenever there may be work.
  std::atomic<uint32_t> stopping;
  alignas(64) std::atomic<uint64_t> waiting_for;  // 1 + the sequence the trainer sleeps for, or one of the two below.

  static constexpr uint64_t kWaitingForNothing = 0;
  static constexpr uint64_t kWaitingForAny = UINT64_MAX;
};

// Written by the trainer while every range of the slot is closed or finished, read by workers after a range is open.
struct alignas(64) Board::SlotHeader {
  std::atomic<uint64_t> sequence;
  std::atomic<uint64_t> base_seed;
  std::atomic<uint32_t> samples;
  std::atomic<uint32_t> worker;  // The only worker that may claim, or kAnyWorker.
};

}  // namespace millrace
