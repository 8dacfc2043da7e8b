#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

#include "millrace/loader/worker_info.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace {

/// What a worker is. Processes survive crashes and share nothing by accident; threads take any live dataset, whose
/// reading must then be safe from several threads.
enum class WorkerMode { kProcess, kThread };

/// Where samples' random numbers come from.
enum class SeedMode {
  /// A stream for each sample, a function of (seed, epoch, position): the same batches for any number of workers.
  kPerSample,
  /// PyTorch's draws exactly (torch 2.11): base seed and sampler seed from torch's global generator, or from
  /// `generator`; batch k is read whole by worker k modulo num_workers, whose default generator is seeded with base
  /// seed + its number, and SampleContext::generator() is that one. Batches depend on the number of workers and on
  /// crashes, and cannot be resumed in the middle of an epoch; nothing is prefetched beyond an epoch's end. Not with
  /// threads.
  kTorch,
};

/// What happens when a sample cannot be read, because it throws or because it kills worker after worker. Samples that
/// were left out or replaced are counted by LoaderStats; a notice tells the first of them at once, and one at the end
/// of their epoch, or of the loader, how many there were.
enum class OnError {
  kRaise,    ///< next() throws SampleError or WorkerDied, its batch is lost, the epoch goes on.
  kSkip,     ///< The sample is left out, its batch is shorter; see EmptyBatches for one that loses all.
  kReplace,  ///< Another sample of the batch stands in for it, read with this one's seed. Not for streams.
};

/// What becomes of a batch of no samples: a sampler gave none for it, as in Poisson sampling, or OnError::kSkip left
/// none. A stream's end is no batch.
enum class EmptyBatches {
  kLeftOut,  ///< The next batch comes instead.
  kGiven,    ///< The batch is given in its turn. A Batch has its fields, with no rows, where samples are of a fixed
             ///< shape, and no fields otherwise. A batch of another type is value-initialised: neither dataset nor
             ///< collate function is asked.
};

/// What a loader finds out about its workers' time; see stage_report.h.
enum class Profile {
  kOff,    ///< Nothing. No clock is read for it.
  kTimes,  ///< How long stages take, for less than 1 % of a worker's time.
  kTrace,  ///< That, and when: each worker keeps its last 8192 spans, in 256 KiB more.
};

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
  MILLRACE_OPTION(SeedMode, seed_mode, SeedMode::kPerSample);
  /// What PyTorch's `generator` argument is, for SeedMode::kTorch. An undefined one stands for torch's global
  /// generator.
  MILLRACE_OPTION(at::Generator, generator, {});
  /// Whether, with SeedMode::kTorch, the workers' generators go on from epoch to epoch, as with PyTorch's persistent
  /// workers. Workers live as long as the loader in any case; without SeedMode::kTorch this option changes nothing.
  MILLRACE_OPTION(bool, persistent_workers, false);
  /// Leaves out the last batch of an epoch, or of each stream, where it would be short.
  MILLRACE_OPTION(bool, drop_last, false);
  /// Batches being filled while the trainer uses one. They reach into the next epoch, see prefetch_next_epoch.
  ///
  /// The number is one for each worker where a single worker fills a whole batch (see Source::Kind).
  MILLRACE_OPTION(int64_t, prefetch, 2);
  /// Lets workers read for the next epoch, so that its first batch is not late. They begin when the last batches of an
  /// epoch are on their way; where the dataset has no indices, when the end of the epoch was told. SeedMode::kTorch
  /// never does it. False: sampler and dataset are asked for no more than the epochs that are taken.
  MILLRACE_OPTION(bool, prefetch_next_epoch, true);
  /// The most bytes of shared memory for all batches: fewer are prefetched then, at least one. 0: no bound.
  MILLRACE_OPTION(uint64_t, prefetch_bytes, 0);
  /// Batches whose tensors the trainer may hold at the same time where workers wrote them. Further ones are copied into
  /// ordinary memory.
  MILLRACE_OPTION(int64_t, held, 2);
  /// Ordinary memory for tensors of batches kept beyond `held`, as an evaluation keeps all targets: each is copied, so
  /// that its slot can be filled again. It is not pinned. When what is alive has used it up, next() waits two seconds
  /// and throws TooManyBatchesHeld. With `device` or `device_batch_bytes` there is none.
  MILLRACE_OPTION(uint64_t, kept_bytes, uint64_t{1} << 30);
  /// True delivers batches in the sampler's order, false as they are completed.
  MILLRACE_OPTION(bool, in_order, true);
  /// The longest next() waits before it throws LoaderTimeout; zero waits as long as a worker lives. Without workers,
  /// the time is looked at whenever some samples have been read.
  MILLRACE_OPTION(std::chrono::milliseconds, timeout, std::chrono::milliseconds(0));
  /// How often samples whose worker died are read again by another one before they are given up (see on_error).
  MILLRACE_OPTION(int64_t, retries, 2);
  /// The longest that a worker process may read one sample before it is killed and replaced; zero: for ever. A worker
  /// thread cannot be killed: next() throws LoaderTimeout.
  MILLRACE_OPTION(std::chrono::milliseconds, sample_timeout, std::chrono::milliseconds(0));
  /// How long next() waits for a batch before a notice says which one, and what each worker does, in the kernel too;
  /// another notice follows whenever the wait has doubled. Zero: never. See set_notice_handler() in
  /// sharing/os/notice.h.
  MILLRACE_OPTION(std::chrono::milliseconds, notice_after, std::chrono::seconds(10));
  /// Measures what the time of the workers goes to, for DataLoaderBase::stages() and take_spans().
  MILLRACE_OPTION(Profile, profile, Profile::kOff);
  MILLRACE_OPTION(OnError, on_error, OnError::kRaise);
  MILLRACE_OPTION(EmptyBatches, empty_batches, EmptyBatches::kLeftOut);
  /// A function that runs in each worker before its first sample, see WorkerInitFunction.
  MILLRACE_OPTION(WorkerInitFunction, worker_init_fn, nullptr);

 public:
  // What is no such function is told in one line.
  template <class F>
    requires(!std::convertible_to<F, WorkerInitFunction>)
  DataLoaderOptions& worker_init_fn(const F&) {
    static_assert(std::convertible_to<F, WorkerInitFunction>,
                  "worker_init_fn is a function of a const WorkerInfo& that returns nothing, or such a lambda that "
                  "captures nothing: what it needs belongs into the dataset");
    return *this;
  }

  /// The number of streams that a dataset without indices is cut into. Batches take turns among them, whatever the
  /// number of workers; more workers than streams have nothing to do. With more than one stream, a dataset must ask for
  /// its part, see StreamContext.
  MILLRACE_OPTION(int64_t, num_streams, 8);
  /// How many samples of the copy of dataset and collate function that worker processes get, or would get if there were
  /// some, are compared with the original's, bit for bit, and the size: std::logic_error says that a `serialize`
  /// forgets something. What cannot travel, threads and fork have no copy. Comparing moves tensors to shared memory.
  MILLRACE_OPTION(int64_t, check_copies, 0);
  /// The bytes that a sample of no fixed shape is expected to take in a batch; 0 measures the first sample. A batch
  /// that needs more costs two copies more.
  MILLRACE_OPTION(uint64_t, max_sample_bytes, 0);
  /// Page-locks the memory of all batches when the loader starts (0.1 s/GiB), so that a device copies from where the
  /// workers wrote, on its own and at full speed. One more slot is made, since slots are filled anew only when the
  /// device is done with them. Where page-locking fails, a notice and LoaderStats say why.
  MILLRACE_OPTION(bool, pin_memory, false);
  /// The CUDA device that next() gives its batches on. Their host memory is pinned, whatever pin_memory says. Only for
  /// loaders whose batches are of type Batch, unless device_batch_bytes is set.
  MILLRACE_OPTION(c10::Device, device, c10::kCPU);
  /// Complete batches whose copy to `device` begins before their turn. They count among those of `prefetch`.
  MILLRACE_OPTION(int64_t, device_prefetch, 1);
  /// The room on `device` for the CUDA tensors of one batch, each rounded up to 512 bytes, for datasets that make such
  /// tensors, in whole batches or through a collate function. So much is allocated for every batch that is prefetched
  /// or held. 0: batches have CPU tensors only.
  ///
  /// The memory is the trainer's, and a worker's tensors are copied into it on the device (see empty_in_batch() for how
  /// to do without), so the death of a worker takes nothing away. The samples that the dead worker held are read again
  /// two seconds later, when what it had begun on the device must have ended. A batch that needs more is an error.
  /// Batches may be of any type, and each tensor is delivered where the worker made it. Worker processes must not be
  /// StartMethod::kFork ones, nor run under MPS.
  MILLRACE_OPTION(uint64_t, device_batch_bytes, 0);

  // Other names for options above: torch::data's, and PyTorch's where they differ.
 public:
  DataLoaderOptions& workers(int64_t value) { return num_workers(value); }
  int64_t workers() const { return num_workers_; }
  /// Batches being filled for all workers together, as torch::data counts them. It counts in the place of `prefetch`.
  DataLoaderOptions& max_jobs(std::optional<int64_t> value) {
    max_jobs_ = value;
    return *this;
  }
  std::optional<int64_t> max_jobs() const { return max_jobs_; }
  DataLoaderOptions& enforce_ordering(bool value) { return in_order(value); }
  bool enforce_ordering() const { return in_order_; }
  DataLoaderOptions& multiprocessing_context(StartMethod value) { return start_method(value); }
  StartMethod multiprocessing_context() const { return start_method_; }
  /// Batches being filled for each worker, as PyTorch counts them. It counts in the place of `prefetch`.
  DataLoaderOptions& prefetch_factor(int64_t value) {
    prefetch_factor_ = value;
    return *this;
  }
  std::optional<int64_t> prefetch_factor() const { return prefetch_factor_; }

 private:
  std::optional<int64_t> max_jobs_;
  std::optional<int64_t> prefetch_factor_;

#undef MILLRACE_OPTION
};

}  // namespace millrace
