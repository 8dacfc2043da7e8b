#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/loader/data_loader.h"

namespace millrace::apps {

/// Batches of a configuration's loader without end, over as many epochs as it takes, each read as its section `bench`
/// says. Not thread-safe.
class Consumer {
 public:
  /// What is done with a batch, as training would do a step.
  using Step = std::function<void(const Batch& batch)>;

  /// Waits until all workers are ready. `profile`: what is measured of them, their times or their spans as well. Throws
  /// configs::ConfigError where an epoch has no batch, and as the loader.
  Consumer(const configs::Node& run, const configs::DatasetTypes& types, Profile profile = Profile::kTimes);

  /// From the next batch on.
  void set_step(Step step) { step_ = std::move(step); }

  /// How a batch came.
  struct Taken {
    double next_s = 0;               ///< How long next() took.
    bool is_first_of_epoch = false;  ///< Whether next() told the end of an epoch before, which is in that time.
  };

  /// Takes the next batch, reads it, does the step, and gives it back. Throws what the loader throws, and
  /// std::runtime_error when an epoch had no sample.
  Taken take();

  /// What was taken since the beginning.
  struct Counts {
    int64_t batches = 0;
    int64_t samples = 0;
    int64_t bytes = 0;   ///< Of tensors and texts in those samples.
    int64_t epochs = 0;  ///< That ended.
    double step_s = 0;   ///< Time in the step.
  };
  const Counts& counts() const { return counts_; }

  double ready_s() const { return ready_s_; }     ///< From the loader's making to its workers' being ready.
  int64_t checksum() const { return checksum_; }  ///< The sum of all bytes as 64-bit words, when they are read.

  const DataLoader& loader() const { return *loader_; }
  int64_t streams() const { return streams_; }  ///< num_streams of a dataset without indices, 0 for any other.
  std::vector<pid_t> worker_pids() const { return loader_->worker_pids(); }
  LoaderStats stats() const { return loader_->stats(); }
  StageSpans take_spans() { return loader_->take_spans(); }  ///< See DataLoader.

 private:
  enum class Read : uint8_t { kNone, kAll };

  static Read read_bench_section(const configs::Node& run);
  void count(const Batch& batch);
  [[noreturn]] void fail_empty() const;

  Read read_;
  Step step_;
  std::unique_ptr<DataLoader> loader_;
  int64_t streams_ = 0;
  double ready_s_ = 0;
  Counts counts_;
  int64_t checksum_ = 0;
};

}  // namespace millrace::apps
