#pragma once

#include <sys/types.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/loader/batch.h"
#include "millrace/loader/datasets/dataset.h"
#include "millrace/loader/errors.h"
#include "millrace/loader/options.h"
#include "millrace/loader/stats.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

/// Turns a dataset into batches, with workers that fill shared memory ahead of the trainer. Made by make_data_loader().
///
///   for (auto& batch : *loader) train(batch.data(), batch.target());
///
/// Thread safety: one thread at a time. Batches may go to other threads.
///
/// Nothing of ours runs in the trainer between two calls: workers fill what next() has opened, and next() collects it,
/// notices deaths and opens more. While it waits it learns of a worker's death at once.
///
/// If a worker process dies, another takes its place and its samples are read again; no batch changes by it. If the
/// fork server dies, its workers die with it and a new one is started. If the trainer dies, all of them end.
///
/// Destroying the loader ends its workers, two seconds at most for the samples at hand (threads cannot be killed and
/// are waited for). Batches stay valid.
class DataLoader {
 public:
  ~DataLoader();

  /// The next batch; nullopt once at the end of each epoch. The call after that begins the next epoch.
  ///
  /// Throws SampleError or WorkerDied for a batch that is lost (the following call goes on behind it), LoaderTimeout,
  /// TooManyBatchesHeld; WorkerStartError or BoardCorrupted when the loader is of no use any more.
  std::optional<Batch> next();

  /// Batches an epoch.
  int64_t size() const;

  /// The epoch whose batches next() gives, from 0.
  int64_t epoch() const;

  /// Goes to the start of an epoch. Without it the epochs follow each other. What was prefetched for another is
  /// dropped.
  void set_epoch(int64_t epoch);

  /// Waits until every worker has built its dataset. next() does not need it; it is for measuring.
  void wait_ready();

  LoaderStats stats() const;

  const SampleSpec& spec() const;

  /// Of the worker processes; empty without any.
  std::vector<pid_t> worker_pids() const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using pointer = Batch*;
    using reference = Batch&;

    Iterator() = default;
    explicit Iterator(DataLoader& loader) : loader_(&loader) { ++*this; }

    Batch& operator*() const { return *batch_; }
    Batch* operator->() const { return &*batch_; }
    Iterator& operator++() {
      batch_.reset();  // Given back first, so that its slot can be filled again.
      batch_ = loader_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return !batch_ && !other.batch_; }

   private:
    DataLoader* loader_ = nullptr;
    mutable std::optional<Batch> batch_;
  };

  /// The current epoch's batches; where an earlier loop was left in the middle, the next epoch's.
  Iterator begin();
  Iterator end() { return {}; }

  // What make_data_loader() puts together.
  struct Parts {
    std::unique_ptr<SampleSource> source;
    std::optional<TravellingDataset> travelling;
    std::optional<AnySampler> sampler;  // The options' order when absent.
  };
  DataLoader(Parts parts, DataLoaderOptions options);

 private:
  class Engine;

  std::unique_ptr<Engine> engine_;
};

namespace detail {

// What workers are sent that inherit nothing from the trainer. Nobody else's dataset is packed, since that moves its
// tensors to shared memory and refuses those that cannot be sent.
template <class D>
std::optional<TravellingDataset> pack_for(const DataLoaderOptions& options, const D& dataset) {
  const bool inherit = options.worker_mode() == WorkerMode::kThread || options.start_method() == StartMethod::kFork;
  if (options.num_workers() == 0 || inherit) return std::nullopt;
  return pack(dataset);
}

}  // namespace detail

/// A loader over `dataset` in its own or, with `shuffle`, in random order.
///
/// Worker processes get the dataset by its `serialize` member; those that have none: see recipe(). Throws
/// std::invalid_argument for options that make no sense and for tensors in the dataset that cannot be sent,
/// OutOfSharedMemory, and what the dataset throws when its first sample is asked what it looks like.
template <class D>
requires Dataset<D> std::unique_ptr<DataLoader> make_data_loader(D dataset, DataLoaderOptions options = {}) {
  auto travelling = detail::pack_for(options, dataset);
  return std::make_unique<DataLoader>(
      DataLoader::Parts{detail::make_source(std::move(dataset)), std::move(travelling), std::nullopt}, options);
}

/// A loader in the order that `sampler` gives.
template <class D, Sampler S>
requires Dataset<D> std::unique_ptr<DataLoader> make_data_loader(D dataset, S sampler, DataLoaderOptions options = {}) {
  auto travelling = detail::pack_for(options, dataset);
  return std::make_unique<DataLoader>(
      DataLoader::Parts{detail::make_source(std::move(dataset)), std::move(travelling), AnySampler(std::move(sampler))},
      options);
}

/// As above, for a dataset that the workers build themselves.
template <class Result, class... Parameters>
std::unique_ptr<DataLoader> make_data_loader(const Recipe<Result, Parameters...>& recipe,
                                             DataLoaderOptions options = {}) {
  return std::make_unique<DataLoader>(
      DataLoader::Parts{detail::make_source(recipe()), detail::pack_for(options, recipe), std::nullopt}, options);
}

template <class Result, class... Parameters, Sampler S>
std::unique_ptr<DataLoader> make_data_loader(const Recipe<Result, Parameters...>& recipe, S sampler,
                                             DataLoaderOptions options = {}) {
  return std::make_unique<DataLoader>(
      DataLoader::Parts{detail::make_source(recipe()), detail::pack_for(options, recipe),
                        AnySampler(std::move(sampler))},
      options);
}

}  // namespace millrace
