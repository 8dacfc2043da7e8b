#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/breakdown.h"
#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/latencies.h"
#include "millrace/loader/stats.h"

namespace millrace::apps {

/// A stretch of time in which batches were taken.
struct Window {
  double seconds = 0;
  double cpu_s = 0;   ///< Of the trainer and its workers.
  double wait_s = 0;  ///< In next() with no batch ready.
  double step_s = 0;  ///< In the step.
  int64_t batches = 0;
  int64_t samples = 0;
  int64_t bytes = 0;

  double samples_per_s() const { return static_cast<double>(samples) / seconds; }
  double bytes_per_s() const { return static_cast<double>(bytes) / seconds; }
  double seconds_per_batch() const { return seconds / static_cast<double>(batches); }
};

/// What was done before the first window, so that it is like those that follow.
struct WarmUp {
  double seconds = 0;
  int64_t batches = 0;
  bool is_steady = false;  ///< Whether rates agreed at its end.
};

/// The rate at a time since the first batch was asked for, for a curve.
struct Moment {
  double at_s = 0;
  double samples_per_s = 0;
};

/// What was seen of a loader.
struct Measurement {
  double ready_s = 0;        ///< From the loader's making to its workers' being ready.
  double first_batch_s = 0;  ///< From there to the first batch.
  WarmUp warm_up;
  std::vector<Window> windows;  ///< One, of all batches but the first, where a number of batches was asked for.
  std::vector<Moment> moments;  ///< Of the warm-up and of the windows.
  Latencies next;               ///< Of each next() in the windows.
  Latencies epoch_gaps;         ///< Of those that began an epoch.

  double idle_workers_pss_mb = 0;  ///< Before the first batch.
  double workers_pss_mb = 0;       ///< At the end, as the next one.
  double trainer_pss_mb = 0;

  Breakdown breakdown;  ///< Of the windows.

  int64_t workers = 0;
  LoaderStats stats;  ///< From the beginning to the end, as the next two.
  Consumer::Counts counts;
  int64_t checksum = 0;
};

/// How long is measured.
struct Plan {
  double warm_up_s = 10;  ///< At most; it ends before where rates agree. 0: nothing is warmed up.
  double window_s = 1;
  int64_t windows = 10;
};

/// Adds the windows of another measurement of the same; what is no window, such as memory, becomes the other's.
void add_windows(const Measurement& other, Measurement& measurement);

/// Called behind each window, "window 2/10: 12345 samples/s".
using Tell = std::function<void(const std::string& line)>;

/// Takes a first batch, warms up and measures. Throws as Consumer::take().
Measurement measure(Consumer& consumer, const Plan& plan, const Tell& tell);

/// Measures a consumer that is warm once more, with the step. Throws as Consumer::take().
Measurement measure_with_step(Consumer& consumer, const Plan& plan, Consumer::Step step);

/// Takes so many batches, the first included, without a warm-up. REQUIRES: batches > 0.
Measurement measure_batches(Consumer& consumer, int64_t batches);

}  // namespace millrace::apps
