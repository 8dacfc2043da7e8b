#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/loader/engine/stage_block.h"
#include "millrace/loader/stages.h"

namespace millrace {

/// The clocks that stages are measured with, in nanoseconds, and what a look at each costs.
class StageClock {
 public:
  struct Prices {
    double clock_ns = 0;
    double cpu_clock_ns = 0;
  };

  virtual ~StageClock() = default;
  virtual uint64_t now() = 0;      ///< CLOCK_MONOTONIC, the same for all processes.
  virtual uint64_t cpu_now() = 0;  ///< The time that this thread has had a processor.
  virtual Prices prices() = 0;     ///< Looks at both some hundred times.
};

/// The machine's clocks.
class ThreadClock final : public StageClock {
 public:
  uint64_t now() override;
  uint64_t cpu_now() override;
  Prices prices() override;
};

/// Measures the stages of one worker and writes its block. Counts are exact. A clock is not read for each sample, since
/// the shortest take no longer than that: the worker reads it at the beginning and the end of each range anyway, and
/// what lies between is measured in one of three ways, such that the looks take less than 1 % of the time:
///
///   - Every transition from one stage to another is timed, and the thread's time on a processor is asked for where
///     calls of stages begin and end, as often as 0.5 % of the time allow.
///   - Else every transition is timed, if that takes less than 0.25 % of the time.
///   - Else only the range is.
///
/// The thread's time on a processor is also read between ranges, as often as 0.1 % of the time allow: from its
/// beginning to the last such reading it is known of all stages together, whatever happened in ranges that were not
/// measured. In the trainer's own thread, whose time between ranges has other uses, it is read at both ends of a range
/// instead, as often.
///
/// In spans, stages that take turns within a call are put together, one behind the other, as strips of a picture that
/// are decoded and resampled.
///
/// What was looked at for nothing is taken off: a measured interval is shorter by the price of the look that ends it.
///
/// Used by the worker's thread. If its process dies here, see stage_block.h.
class StageRecorder final : public detail::StageListener {
 public:
  /// Goes on with the figures in `block`, and waits for a range from now on. `ring` is null where no spans are wanted.
  /// Borrows all three.
  StageRecorder(StageBlock& block, SpanRing* ring, StageClock& clock);

  /// A range was claimed at `now`, which a clock was read for anyway. The time since the last end_range() was spent
  /// waiting if idle() was called, else finding the range.
  void begin_range(uint64_t now);

  /// All samples of the range are written, `samples` of them, `first` being the index of the first one or -1. What
  /// follows is to tell the trainer, which then finds them counted. Not called for a range that failed.
  void begin_hand_over(uint64_t samples, int64_t first);

  /// The trainer was told.
  void end_range(uint64_t now);

  /// There is nothing to claim.
  void idle();

  /// Where the time between two ranges is not the worker's, as in the trainer's own thread: the last one ended now.
  void begin_anew(uint64_t now) {
    last_end_ = now;
    overhead_ns_ = 0;
    account_.reset();
  }

  /// Whether begin_sample() is of use for the range at hand; without it, that one need not be called.
  bool times_samples() const { return depth_ != Depth::kRange; }

  void begin_sample(int64_t index) override;
  void begin_collate() override;
  void enter(Stage stage) override;
  void enter_again(Stage stage) override;
  void leave() override;
  void add_bytes(Stage stage, uint64_t bytes) override;

 private:
  enum class Depth : uint8_t { kRange, kTransitions, kProcessor };

  Depth affordable() const;
  void go_inside(Stage stage, StageScope::Part part);
  void begin(Stage stage);
  void end_call();
  void charge(uint64_t now);
  uint64_t look();
  uint64_t look_at_processor();
  bool affords_account(double ns, int looks) const;
  uint64_t look_for_account();
  void charge_processor(uint64_t cpu_now);
  void account(uint64_t now, uint64_t cpu_now);
  void end_sample(uint64_t now);
  void note_samples(uint64_t samples, int64_t first, uint64_t ns);
  void push_spans();
  void push(Stage stage, uint64_t start, uint64_t end);
  StageCounters& counters(Stage stage) { return block_.stages[static_cast<size_t>(stage)]; }

  static constexpr size_t kDeepest = 16;  // Scopes inside each other; what is deeper counts for the sixteenth.

  /// A stage that goes on when a scope inside it ends.
  struct Outer {
    Stage stage = Stage::kGet;
    StageScope::Part inner = StageScope::Part::kWhole;
  };

  StageBlock& block_;
  SpanRing* const ring_;
  StageClock& clock_;
  const StageClock::Prices prices_;

  /// The thread's time on a processor at some time.
  struct Reading {
    uint64_t now = 0;
    uint64_t cpu_now = 0;
  };

  // What is known of all stages together.
  std::optional<Reading> account_;    // The last one. Nothing where the time since then was not the worker's.
  bool account_is_of_range_ = false;  // It was begun with the range at hand, and ends with it.
  uint64_t unaccounted_ns_ = 0;       // In ranges since the last one.

  // Where the worker is.
  uint64_t samples_ = 0;  // Of the range at hand, when they are written.
  int64_t first_ = -1;
  Stage stage_ = Stage::kHandOver;
  std::array<Outer, kDeepest> outer_ = {};
  size_t scopes_ = 0;
  bool is_idle_ = false;
  int64_t sample_ = -1;  // The one at hand, where samples are timed.

  // The range at hand, and what was charged of it.
  Depth depth_ = Depth::kRange;
  uint64_t last_end_ = 0;  // When the last range ended, or the worker began.
  uint64_t range_start_ = 0;
  double range_overhead_ns_ = 0;  // Spent on looks of the range before, since range_start_.
  uint64_t sample_start_ = 0;
  double sample_overhead_ns_ = 0;  // Spent on looks since sample_start_.
  uint64_t mark_ = 0;
  uint64_t cpu_mark_ = 0;
  double overhead_ns_ = 0;      // Spent on looks since mark_.
  double cpu_overhead_ns_ = 0;  // Spent on looks since cpu_mark_.
  std::array<uint64_t, kStages> since_cpu_mark_ = {};
  uint64_t span_start_ = 0;  // The end of what the ring has spans of.
  std::array<uint64_t, kStages> since_span_ = {};
  bool wait_has_cpu_mark_ = false;

  // What can be afforded.
  double budget_ns_ = 0;  // For looks at the processor's time; negative: debts.
  double spent_ns_ = 0;   // In this range.
  double looks_ = 0;      // At the clock, in this range.
  double usual_looks_ = 0;
  double usual_range_ns_ = 0;
  uint64_t measured_waits_ = 0, measured_ranges_ = 0;
};

}  // namespace millrace
