#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/stage_report.h"

namespace millrace::apps {

/// What was measured of a loader, and of whoever takes its batches, in some stretch of time.
struct LoaderFacts {
  double seconds = 0;       ///< How long that was.
  double waited_s = 0;      ///< Seconds of it in which next() had no batch; LoaderStats::wait_seconds.
  int64_t workers = 0;      ///< num_workers; 0: the trainer reads inside next().
  int64_t streams = 0;      ///< num_streams of a dataset without indices; 0 for any other.
  int64_t prefetch = 0;     ///< loader.prefetch.
  int processors = 1;       ///< Those that this process may use.
  double run_queue_s = 0;   ///< Seconds in which a worker had work and no processor; all workers together.
  StageReport stages = {};  ///< Of that time, see StageReport::since().

  /// The share of the time that the trainer waited for data, from 0 to 1.
  double waited() const;

  /// The share of their time that workers were busy, from 0 to 1.
  double busy() const;
};

/// What keeps a loader from giving more batches.
enum class Bottleneck {
  kConsumer,       ///< Nothing: whoever takes the batches is slower.
  kSlowSamples,    ///< Few samples take most of the time.
  kNoWorkers,      ///< The trainer reads itself.
  kPrefetch,       ///< Workers wait while the trainer waits.
  kProcessors,     ///< Workers have work and no processor.
  kStorage,        ///< Reading waits.
  kTooFewWorkers,  ///< Workers are busy, and processors are not.
  kRead,           ///< Reading takes the processors.
  kDecode,
  kTransform,
  kGet,         ///< The dataset's own code takes the processors,
  kBlockedGet,  ///< or waits.
  kCollate,
  kHandOver,
  kUnknown,  ///< Nothing was measured.
};

/// A bottleneck's name in JSON: "slow_storage".
std::string_view name_of(Bottleneck bottleneck);

/// What is slow, why that is said, and what would help.
struct BottleneckVerdict {
  Bottleneck what = Bottleneck::kUnknown;
  std::string why;                   ///< A sentence with the figures that it follows from.
  std::vector<std::string> changes;  ///< What to change, the best first; settings as in YAML: "loader.num_workers: 4".
};

/// Names the bottleneck. A pure function: the same facts, the same verdict.
BottleneckVerdict verdict_of(const LoaderFacts& facts);

}  // namespace millrace::apps
