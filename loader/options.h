#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "millrace/sharing/process/start_method.h"

namespace millrace {

/// What a worker is. Processes survive crashes and share nothing by accident; threads take any live dataset, whose
/// reading must then be safe from several threads.
enum class WorkerMode { kProcess, kThread };

/// How a loader works. Every setter returns *this, as torch::data's options do; the getters have the same names.
class DataLoaderOptions {
 public:
  /// Implicit from a batch size, as in torch::data.
  DataLoaderOptions(int64_t batch_size = 1) : batch_size_(batch_size) {}  // NOLINT(google-explicit-constructor)

#define MILLRACE_OPTION(type, name, initial)   \
 public:                                       \
  DataLoaderOptions& name(type value) {        \
    name##_ = std::move(value);                \
    return *this;                              \
  }                                            \
  const type& name() const { return name##_; } \
                                               \
 private:                                      \
  type name##_ = initial

  /// Samples a batch.
  MILLRACE_OPTION(int64_t, batch_size, 1);
  /// Workers; 0 reads in the trainer, inside next(), with the same code.
  MILLRACE_OPTION(int64_t, num_workers, 0);
  MILLRACE_OPTION(WorkerMode, worker_mode, WorkerMode::kProcess);
  /// How worker processes start.
  MILLRACE_OPTION(StartMethod, start_method, StartMethod::kForkServer);
  /// A new random order every epoch. Not together with a sampler of one's own.
  MILLRACE_OPTION(bool, shuffle, false);
  /// Seeds the order and every sample's random stream. The same seed gives the same batches.
  MILLRACE_OPTION(uint64_t, seed, 0);
  /// Leaves out a last batch that would be short.
  MILLRACE_OPTION(bool, drop_last, false);
  /// Batches being filled while the trainer uses one. They reach into the next epoch.
  MILLRACE_OPTION(int64_t, prefetch, 2);
  /// Batches whose tensors the trainer may hold at the same time before next() reports that it holds too many.
  MILLRACE_OPTION(int64_t, held, 2);
  /// True delivers batches in the sampler's order, false as they are completed.
  MILLRACE_OPTION(bool, in_order, true);
  /// The longest next() waits before it throws LoaderTimeout; zero waits as long as a worker lives.
  MILLRACE_OPTION(std::chrono::milliseconds, timeout, std::chrono::milliseconds(0));
  /// How often samples are read again by another worker after theirs died, before WorkerDied is thrown for their batch.
  MILLRACE_OPTION(int64_t, retries, 2);

#undef MILLRACE_OPTION
};

}  // namespace millrace
