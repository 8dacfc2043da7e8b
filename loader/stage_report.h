#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/loader/stages.h"

namespace millrace {

/// What one stage took.
struct StageTime {
  double wall_s = 0;   ///< Seconds that passed.
  double cpu_s = 0;    ///< Seconds of the processor in the worker's thread.
  uint64_t calls = 0;  ///< Times that the stage was begun. Exact.
  uint64_t bytes = 0;  ///< What the stage said that it took in; 0 where it says nothing. Exact.

  StageTime& operator+=(const StageTime& other);
};

/// How many samples took how long: bucket b has those of less than 2^b nanoseconds, and no fewer than half of that.
/// Where samples are so short that they are not measured one by one, all samples of a range count with their mean.
struct SampleTimes {
  static constexpr size_t kBuckets = 48;

  struct Bucket {
    uint64_t samples = 0;
    uint64_t ns = 0;  ///< Nanoseconds that these samples took together.
  };

  std::array<Bucket, kBuckets> buckets;

  uint64_t samples() const;
  double seconds() const;

  /// The nanoseconds of the sample in the middle, to a factor of two; 0 without samples.
  double median_ns() const;

  /// The slowest samples, `most` of them at most, that took at least `ns` nanoseconds each: whole buckets.
  Bucket slowest(uint64_t most, double ns) const;

  SampleTimes& operator+=(const SampleTimes& other);
};

/// The samples that took longest.
struct SlowestSample {
  int64_t index = -1;    ///< The index in the dataset of the first of them, or its position in a stream; -1: none.
  uint64_t samples = 0;  ///< 1, or how many were read together where samples are not measured one by one.
  uint64_t ns = 0;       ///< Nanoseconds that they took together.
};

/// What one worker did, whatever processes were in its place.
///
/// Samples, ranges, calls, bytes and the time in all stages are exact, and so is that on a processor in all stages, but
/// that the trainer's own thread asks for it in some ranges of samples, as many as can be afforded. How these are
/// divided among stages is measured in some ranges too: operator[] gives it scaled to all of them.
struct WorkerStages {
  /// What is known of a stage.
  struct Measured {
    uint64_t calls = 0;
    uint64_t bytes = 0;
    uint64_t ns = 0;      ///< Nanoseconds that passed in the ranges whose stages were measured.
    uint64_t cpu_ns = 0;  ///< Nanoseconds of the processor in those of them where it was asked too,
    uint64_t of_ns = 0;   ///< of so many that passed.
  };

  int worker = 0;        ///< Its number; 0 for the trainer itself where there are no workers.
  uint64_t samples = 0;  ///< Samples read; those that are read again count again, those of a range that failed do not.
  uint64_t ranges = 0;   ///< Times that some samples of a batch were claimed and read.
  uint64_t busy_ns = 0;  ///< Nanoseconds in all stages but kWait.
  uint64_t wait_ns = 0;  ///< Nanoseconds in kWait.
  uint64_t cpu_ns = 0;   ///< Nanoseconds of the processor in all stages,
  uint64_t cpu_of_ns = 0;  ///< of so many that passed, up to a short while ago; in the trainer: in ranges.
  std::array<Measured, kStages> measured;
  SampleTimes sample_times;

  /// The stage's time. The times of all stages sum up to busy_s() and wait_s().
  StageTime operator[](Stage stage) const;

  double busy_s() const { return 1e-9 * static_cast<double>(busy_ns); }
  double wait_s() const { return 1e-9 * static_cast<double>(wait_ns); }

  /// Seconds of the processor in all stages.
  double cpu_s() const;

 private:
  double wall_s(Stage stage) const;
  double cpu_s_as_measured(Stage stage) const;  // Of the measured ranges, as if all were like them.
  double cpu_s_as_measured() const;
};

/// What the measuring itself took.
struct MeasuringCost {
  uint64_t clock_reads = 0;      ///< Looks at the clock.
  uint64_t cpu_clock_reads = 0;  ///< Looks at the clock of the thread's time on a processor.
  double ns_per_clock_read = 0;  ///< Measured when the workers began, the mean of all.
  double ns_per_cpu_clock_read = 0;
  uint64_t measured_ranges = 0;  ///< Ranges of samples whose stages were measured.

  double seconds() const;
};

/// Where the time of a loader's workers went since they began. A value.
struct StageReport {
  std::vector<WorkerStages> workers;  ///< Empty unless DataLoaderOptions::profile is on.
  SlowestSample slowest;
  MeasuringCost cost;

  StageTime operator[](Stage stage) const;  ///< Of all workers together.
  uint64_t samples() const;
  double busy_s() const;
  double wait_s() const;
  double cpu_s() const;
  SampleTimes sample_times() const;

  /// What happened after `before` was taken, of the same loader. Its slowest sample is that of the whole time.
  StageReport since(const StageReport& before) const;
};

/// Something that a worker did, with DataLoaderOptions::profile(Profile::kTrace).
struct StageSpan {
  int worker = 0;
  Stage stage = Stage::kGet;
  int64_t sample = -1;    ///< The sample's index; -1 where it is about none, or about several.
  uint64_t start_ns = 0;  ///< CLOCK_MONOTONIC, the clock of std::chrono::steady_clock in every process.
  uint64_t end_ns = 0;
};

/// Spans of workers, those of each worker in the order of their ends.
struct StageSpans {
  std::vector<StageSpan> spans;
  uint64_t lost = 0;  ///< Spans that were overwritten before they were taken.
};

}  // namespace millrace
