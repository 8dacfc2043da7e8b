#pragma once

#include <sys/types.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "millrace/loader/batch.h"
#include "millrace/loader/collate.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/errors.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/loader_parts.h"
#include "millrace/loader/sources/local_batches.h"
#include "millrace/loader/sources/required_parts.h"
#include "millrace/loader/sources/source_for.h"
#include "millrace/loader/sources/travelling.h"
#include "millrace/loader/stage_report.h"
#include "millrace/loader/state.h"
#include "millrace/loader/stats.h"
#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/batch_sequence_sampler.h"
#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/samplers/torch_sampler.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/cuda/driver_handles.h"

namespace millrace {

class Engine;
class EngineStart;

/// The part that loaders of every kind of batch have in common. Thread safety: one thread at a time. A loader belongs
/// to the process that made it: in a process that was forked from that one, calls that change the loader throw
/// std::logic_error, and destroying it does nothing.
class DataLoaderBase {
 public:
  ~DataLoaderBase();

  /// Batches an epoch. For a dataset without indices it is the number that a single stream of its size() would give.
  /// Throws std::logic_error when such a dataset has no size().
  int64_t size() const;

  /// The epoch whose batches next() gives. A new loader begins with the epoch that its sampler was in when it was given
  /// (see epoch_of()), which is 0 for most.
  int64_t epoch() const;

  /// Goes to the start of an epoch, and drops what was prefetched for another one. Without this call the epochs follow
  /// each other. Nothing happens while next() has given no batch since the loader came to that epoch, be it by
  /// load_state_dict(): so a loop that begins its epochs by set_epoch() can be resumed in the middle of one.
  void set_epoch(int64_t epoch);

  /// Where the loader stands: behind the last batch that next() gave or lost to an error, whatever is prefetched.
  /// Small; see LoaderState. Throws std::logic_error with SeedMode::kTorch.
  LoaderState state_dict() const;

  /// Goes to where the state says, in this or another process: what next() gives from there on is what the other loader
  /// would have given, for any number of workers and any way to start them. A sampler must be made with the same
  /// arguments; a DistributedSampler may have another number of ranks, if all ranks load the state of one. Throws
  /// std::invalid_argument, naming the difference, for a state of another dataset or seed.
  void load_state_dict(const LoaderState& state);

  /// Waits until every worker has built its dataset. It is for measuring: next() does not need it.
  void wait_ready();

  LoaderStats stats() const;

  /// Where the time of the workers went so far, what they are at included: of the stages that datasets name (see
  /// StageScope). Empty unless options().profile() is on.
  StageReport stages() const;

  /// What workers did when, since the last call. Empty unless options().profile() is Profile::kTrace.
  StageSpans take_spans();

  /// The driver's handle (CUstream) of the stream that batches are copied to a CUDA device on, for profilers. REQUIRES:
  /// pin_memory or device. Null without a driver.
  cuda::api::Stream copy_stream(int device);

  /// The options that the loader was made with.
  const DataLoaderOptions& options() const;

  /// What a sample looks like, as far as the loader knows. Waits for the answer where a worker must be asked, see
  /// make_data_loader(), and throws as next().
  const SampleSpec& spec() const;

  /// The ids of the worker processes; empty when there are none.
  std::vector<pid_t> worker_pids() const;

 protected:
  DataLoaderBase(LoaderParts parts, const DataLoaderOptions& options);

  /// The next batch of a loader of named fields, as next() gives it.
  std::optional<Batch> next_batch();

  /// The next batch of a loader whose batches are one value, which next() unpacks.
  std::optional<PackedBatch> next_packed();

  void leave_unfinished_epoch();

  /// Throws std::logic_error in a process that was forked from the loader's.
  void require_owner() const;

  /// Throws BoardCorrupted for a packed batch that does not decode, here and at every later next().
  [[noreturn]] void refuse_contents(const DecodeError& error);

 private:
  /// The engine. Waits until it has started.
  Engine& engine() const;

  /// The engine. Throws std::logic_error in a process that was forked from the loader's.
  Engine& own_engine() const;

  // One of the two is set: the start of an engine, or the engine that came of it.
  mutable std::unique_ptr<EngineStart> start_;
  mutable std::unique_ptr<Engine> engine_;
};

/// Turns a dataset into batches, with workers that fill shared memory ahead of the trainer. Made by make_data_loader().
///
///   for (auto& batch : *loader) train(batch.data(), batch.target());
///
/// B is the type of a batch: Batch, named tensors, for samples that have names or fixed fields; else what the collate
/// function, or a dataset of whole batches, makes. Its tensors are views of shared memory either way.
///
/// Nothing of ours runs in the trainer between two calls: workers fill what next() has opened, and next() collects it,
/// notices deaths and opens more. While it waits it learns of a worker's death at once.
///
/// If a worker process dies, another takes its place and reads its samples again. With device_batch_bytes that happens
/// two seconds later: what the dead one had begun on the device must have ended. No batch changes by it. If the fork
/// server dies, its workers die with it and a new one is started. If the trainer dies, all of them end.
///
/// Destroying the loader ends its workers; processes have two seconds for the samples at hand, threads cannot be killed
/// and are waited for, with notices (notice_after). Batches stay valid. Where devices read its memory (pin_memory,
/// device), whichever goes last, the loader or one of its batches, waits for their copies, five seconds at most; after
/// that the memory stays allocated, with a warning.
template <class B>
class TypedDataLoader : public DataLoaderBase {
 public:
  TypedDataLoader(LoaderParts parts, const DataLoaderOptions& options)
      : TypedDataLoader(parts.source->local_batches(), parts, options) {}

  /// The next batch; nullopt once at the end of each epoch. The call after that begins the next epoch.
  ///
  /// Throws SampleError or WorkerDied for a batch that is lost; the following call goes on behind it. What the sampler
  /// throws, or std::out_of_range for indices and sizes that cannot be, comes in the turn of that batch and loses it
  /// too. LoaderTimeout and TooManyBatchesHeld leave the batch for a later call. WorkerStartError and BoardCorrupted
  /// say that the loader is of no use any more. With device(), what torch's allocator throws and cuda::CudaError also
  /// lose a batch, and std::logic_error is thrown while the device's current stream captures a CUDA graph.
  std::optional<B> next() {
    taken_by_loop_ = false;
    return take();
  }

  /// An input iterator whose copies share their place. It asks for a batch only when it is dereferenced or compared, so
  /// that is where what next() throws comes from; the next look goes on behind the batch that was lost.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = B;
    using difference_type = std::ptrdiff_t;
    using pointer = B*;
    using reference = B&;

    Iterator() = default;
    explicit Iterator(TypedDataLoader& loader) : place_(std::make_shared<Place>(Place{&loader})) {}

    /// Throws std::logic_error at the end.
    B& operator*() const {
      if (at_end()) throw std::logic_error(place_ ? kDereferencedAtEnd : kDereferencedSentinel);
      return *place_->batch;
    }
    B* operator->() const { return &**this; }
    Iterator& operator++() {
      if (at_end()) throw std::logic_error(place_ ? kIncrementedAtEnd : kIncrementedSentinel);
      place_->batch.reset();  // Given back before the next is asked for, so that its slot can be filled again.
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return place_ == other.place_ || (at_end() && other.at_end()); }

   private:
    friend class TypedDataLoader;

    struct Place {
      TypedDataLoader* loader;
      std::optional<B> batch = {};
      bool ended = false;
    };

    bool at_end() const {
      if (!place_ || place_->ended) return true;
      if (!place_->batch) place_->batch = place_->loader->take_for(place_);
      place_->ended = !place_->batch;
      return place_->ended;
    }

    static constexpr auto kDereferencedAtEnd = "Attempted to dereference iterator that was past the end";
    static constexpr auto kIncrementedAtEnd = "Attempted to increment iterator past the end";
    static constexpr auto kDereferencedSentinel = "Dereferencing the DataLoader's past-the-end iterator is not allowed";
    static constexpr auto kIncrementedSentinel = "Incrementing the DataLoader's past-the-end iterator is not allowed";

    std::shared_ptr<Place> place_;  // Null for the end.
  };

  /// The batches that are left of the current epoch; those of the next one where an earlier loop was left in the
  /// middle. Throws std::logic_error while another iterator is not at its end, as torch::data does: the two would share
  /// the batches out.
  Iterator begin() {
    require_owner();
    require_no_loop_but(nullptr);
    if (taken_by_loop_) leave_unfinished_epoch();
    return Iterator(*this);
  }
  Iterator end() { return {}; }

 private:
  TypedDataLoader(std::shared_ptr<void> local_batches, LoaderParts& parts, const DataLoaderOptions& options)
      : DataLoaderBase(std::move(parts), supported(options)), local_batches_(std::move(local_batches)) {}

  static constexpr auto kAnotherIterator =
      "Attempted to get a new DataLoader iterator while another iterator is not yet exhausted: let that go first, or "
      "call next()";

  std::optional<B> take() {
    if constexpr (std::is_same_v<B, Batch>) {
      return next_batch();
    } else {
      auto packed = next_packed();
      if (!packed) return std::nullopt;
      if (packed->samples == 0 && packed->value.empty()) return of_no_samples();
      try {
        return detail::take_batch<B>(*std::move(packed), local_batches_.get());
      } catch (const DecodeError& e) {
        refuse_contents(e);
      }
    }
  }

  // A batch without samples, which neither dataset nor collate function were asked for.
  static B of_no_samples() {
    if constexpr (std::default_initializable<B>)
      return B{};
    else
      throw std::logic_error(
          "DataLoaderOptions: EmptyBatches::kGiven is for batches of a type with a default constructor");
  }

  using Place = typename Iterator::Place;

  std::optional<B> take_for(const std::shared_ptr<Place>& place) {
    require_no_loop_but(place);
    loop_ = place;
    taken_by_loop_ = true;
    return take();
  }

  void require_no_loop_but(const std::shared_ptr<Place>& place) const {
    const auto other = loop_.lock();
    if (other && other != place && !other->ended) throw std::logic_error(kAnotherIterator);
  }

  static const DataLoaderOptions& supported(const DataLoaderOptions& options) {
    if (!std::is_same_v<B, Batch> && !options.device().is_cpu() && options.device_batch_bytes() == 0)
      throw std::invalid_argument(
          "DataLoaderOptions: device is for loaders that give a Batch; this one's collate function or dataset makes "
          "batches of a type of its own. Use pin_memory, and copy its tensors to the device");
    return options;
  }

  std::weak_ptr<Place> loop_;            // The iterator that took a batch last.
  bool taken_by_loop_ = false;           // Whether that loop, and not next(), took the last batch.
  std::shared_ptr<void> local_batches_;  // What keeps batches that cannot leave this process.
};

using DataLoader = TypedDataLoader<Batch>;

namespace detail {

/// What a loader's batch is for a dataset (or recipe) D and a collate function.
template <class D, class Collate>
using LoadedBatch =
    std::conditional_t<std::is_same_v<typename SourceFor<typename Made<D>::Dataset, Collate>::Batch, Columns>, Batch,
                       typename SourceFor<typename Made<D>::Dataset, Collate>::Batch>;

template <class S>
concept OrderOfSamples = Sampler<S> || SamplerOfBatches<S> || TorchDataSampler<S>;

/// What a loader may be told beside its dataset.
template <class S>
concept OptionsOrOrder = std::convertible_to<S, DataLoaderOptions> || OrderOfSamples<std::remove_cvref_t<S>> ||
                         RangeOfIndices<S> || RangeOfBatches<S>;

inline void require_own_last_batch(const DataLoaderOptions& options) {
  if (options.drop_last())
    throw std::invalid_argument(
        "DataLoaderOptions: drop_last is for loaders that make batches themselves; a sampler of batches decides about "
        "its last one, tell it");
}

template <TorchDataSampler S>
TorchSampler<S> batches_of(S sampler, int64_t samples, const DataLoaderOptions& options) {
  int64_t size = samples;
  if constexpr (TorchDataSamplerOfEpochs<S> || TorchDataSamplerOfSizes<S>) size = epoch_size(sampler);
  return TorchSampler<S>(std::move(sampler), size, options.batch_size(), options.drop_last());
}

template <OrderOfSamples S>
void put_sampler(LoaderParts& parts, S sampler, const DataLoaderOptions& options) {
  if constexpr (Sampler<S>) {
    parts.sampler.emplace(std::move(sampler));
  } else if constexpr (SamplerOfBatches<S>) {
    require_own_last_batch(options);
    parts.batch_sampler.emplace(std::move(sampler));
  } else {
    parts.batch_sampler.emplace(batches_of(std::move(sampler), static_cast<int64_t>(parts.source->size()), options));
  }
}

template <class D, class Collate>
LoaderParts parts_of(D dataset, Collate collate, const DataLoaderOptions& options) {
  using Made = Made<D>;
  using Source = SourceFor<typename Made::Dataset, Collate>;
  using Batch = typename Source::Batch;
  LoaderParts parts;
  const bool processes = options.num_workers() > 0 && options.worker_mode() == WorkerMode::kProcess;
  if constexpr (!BatchTravels<Batch>)
    if (processes) throw_batch_stays(typeid(Batch));
  // Packing moves a dataset's tensors to shared memory and refuses tensors that cannot be sent, so it is only done for
  // workers that inherit nothing from the trainer, and where a copy for such workers is to be checked.
  const bool copied = options.worker_mode() == WorkerMode::kProcess && options.start_method() != StartMethod::kFork;
  if (copied && processes) {
    if constexpr (!CollateTravels<Collate>) throw_collate_stays(typeid(Collate));
    parts.travelling = pack(dataset, collate);
  }
  std::optional<TravellingDataset> compared;  // A packing of its own, since the descriptors of one can be read once.
  if (copied && options.check_copies() > 0) compared = pack(dataset, collate);
  auto made = std::make_shared<typename Made::Dataset>(Made::make(std::move(dataset)));
  if (compared) check_copy<D>(*std::move(compared), made, collate, options);
  parts.source = Source::make(std::move(made), std::move(collate));
  return parts;
}

}  // namespace detail

/// A loader over `dataset` in its own or, with `shuffle`, in random order. `collate` makes a batch of samples: one of
/// collate.h, or any function of a std::vector of samples.
///
/// Worker processes get the dataset by its `serialize` member; those that have none: see recipe(), which may stand in
/// the dataset's place.
///
/// Batches are laid out by what a sample looks like. A dataset's spec() says it, with max_sample_bytes for packed
/// batches; else the first sample that can be read shows it. Worker processes read that sample as any other, and this
/// call does not wait for them. The first call of next(), spec(), set_epoch(), state_dict(), load_state_dict() or
/// wait_ready() waits, for `timeout` at most, and throws if it failed. Without worker processes,
/// as with threads, this call reads the sample.
///
/// Throws std::invalid_argument for options that make no sense, for what cannot travel to or from worker processes and
/// for tensors in the dataset that cannot be sent, std::logic_error for a `serialize` that forgets a member,
/// OutOfSharedMemory, and what the dataset throws when it is asked what samples look like.
template <class D, class Collate = collate::Default>
  requires((Dataset<typename detail::Made<D>::Dataset> || !detail::OrderOfSamples<D>) &&
           !detail::OrderOfSamples<Collate>)
auto make_data_loader(D dataset, const DataLoaderOptions& options = {}, Collate collate = {}) {
  if constexpr (detail::require_parts<typename detail::Made<D>::Dataset, Collate>())
    return std::make_unique<TypedDataLoader<detail::LoadedBatch<D, Collate>>>(
        detail::parts_of(std::move(dataset), std::move(collate), options), options);
  else
    return std::unique_ptr<DataLoader>();
}

/// A loader in the order that `sampler` gives, of samples or of whole batches (options.batch_size is then the size of
/// the largest), or one of torch::data's as it is.
template <class D, detail::OrderOfSamples S, class Collate = collate::Default>
auto make_data_loader(D dataset, S sampler, const DataLoaderOptions& options = {}, Collate collate = {}) {
  if constexpr (detail::require_parts<typename detail::Made<D>::Dataset, Collate>()) {
    auto parts = detail::parts_of(std::move(dataset), std::move(collate), options);
    detail::put_sampler(parts, std::move(sampler), options);
    return std::make_unique<TypedDataLoader<detail::LoadedBatch<D, Collate>>>(std::move(parts), options);
  } else {
    return std::unique_ptr<DataLoader>();
  }
}

/// A loader of the samples that `indices` names, in their order: a std::vector, an array, a view of integers. Indices
/// in braces are written SequenceSampler({3, 1, 2}), since braces alone would be options.
template <class D, RangeOfIndices R, class Collate = collate::Default>
  requires(!detail::OrderOfSamples<std::remove_cvref_t<R>>)
auto make_data_loader(D dataset, R&& indices, const DataLoaderOptions& options = {}, Collate collate = {}) {
  return make_data_loader(std::move(dataset), SequenceSampler(std::forward<R>(indices)), options, std::move(collate));
}

/// A loader of the batches that `batches` lists, in their order, each a range of integers as above. The batch_size of
/// `options` becomes that of the largest. In braces it is BatchSequenceSampler{{3, 1}, {2}}.
template <class D, RangeOfBatches R, class Collate = collate::Default>
auto make_data_loader(D dataset, R&& batches, DataLoaderOptions options = {}, Collate collate = {}) {
  BatchSequenceSampler sampler(std::forward<R>(batches));
  options.batch_size(std::max(int64_t{1}, sampler.largest()));
  return make_data_loader(std::move(dataset), std::move(sampler), options, std::move(collate));
}

/// A loader in the order of an S made for the dataset's size, as torch::data spells it:
/// make_data_loader<SequentialSampler>(dataset, 64).
template <detail::OrderOfSamples S, class D, class Collate = collate::Default>
  requires std::constructible_from<S, size_t>
auto make_data_loader(D dataset, const DataLoaderOptions& options = {}, Collate collate = {}) {
  if constexpr (detail::require_parts<typename detail::Made<D>::Dataset, Collate>()) {
    auto parts = detail::parts_of(std::move(dataset), std::move(collate), options);
    detail::put_sampler(parts, S(known_size(parts.source->size())), options);
    return std::make_unique<TypedDataLoader<detail::LoadedBatch<D, Collate>>>(std::move(parts), options);
  } else {
    return std::unique_ptr<DataLoader>();
  }
}

// What is neither options nor a sampler is told what it lacks, in one line.
template <class D, class S, class... More>
  requires(!detail::OptionsOrOrder<S>)
std::unique_ptr<DataLoader> make_data_loader(D&&, S&&, More&&...) {
  detail::require_sampler<std::remove_cvref_t<S>>();
  return nullptr;
}

template <class S, class D>
  requires(!detail::OptionsOrOrder<S> && !Dataset<S> && !std::convertible_to<D, S>)
std::unique_ptr<DataLoader> make_data_loader(D&&, const DataLoaderOptions& = {}) {
  detail::require_sampler<S>();
  return nullptr;
}

}  // namespace millrace
