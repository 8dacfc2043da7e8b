#pragma once

#include <cstdint>
#include <string>

#include "millrace/configs/document.h"

/// The program's subcommands. Each takes the run's configuration, writes results to stdout and progress to stderr, and
/// throws when it fails: configs::ConfigError when the configuration is to blame, anything else when the work is.
namespace millrace::apps {

struct TrainOptions {
  std::string trace;  ///< A file that takes a trace of what was done when; see Trace. Empty: none.
};

/// Trains an image classifier. Keys: dataset, transforms, sampler and loader; test, with its own dataset, transforms
/// and loader; model; optimizer; epochs; seed; device and amp. configs/photos.yaml explains each.
void train(const configs::Node& run, const TrainOptions& options);

struct BenchOptions {
  double warmup_s = 1;  ///< Time before the first window, at least kWarmupBatches batches.
  double window_s = 5;  ///< Length of a window.
  int64_t repeats = 3;  ///< Windows; throughputs are their medians.
  bool json = false;    ///< One line of JSON in place of the table.
};

/// Measures a loader. Keys: dataset, transforms, sampler, loader and bench.read (none: batches are dropped unread; all:
/// every byte of them is read).
void bench(const configs::Node& run, const BenchOptions& options);

/// Takes `batches` batches as bench() would and measures nothing, for tools that look at the process from outside.
void take_batches(const configs::Node& run, int64_t batches);

}  // namespace millrace::apps
