#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collators.h"
#include "millrace/loader/datasets/dataset.h"
#include "millrace/loader/example_codec.h"
#include "millrace/loader/packed.h"
#include "millrace/loader/source.h"

// How datasets of every kind become a Source: what the loader is compiled for a dataset, and all of it.
namespace millrace {

namespace detail {

constexpr uint64_t kUnknownSampleBytes = 64 << 10;

template <class D>
size_t size_of(D& dataset) {
  if constexpr (requires {
                  { dataset.size() } -> std::convertible_to<size_t>;
                })
    return static_cast<size_t>(dataset.size());
  else
    return std::optional<size_t>(dataset.size()).value_or(kUnknownSize);
}

template <class D>
std::string describe(const D& dataset, size_t index) {
  if constexpr (Describes<D>)
    return std::string(dataset.describe(index));
  else
    return {};
}

/// The dataset for another worker thread.
template <class D>
std::shared_ptr<D> clone(const std::shared_ptr<D>& dataset) {
  if constexpr (std::copy_constructible<D>)
    return std::make_shared<D>(*dataset);
  else
    return dataset;
}

/// Samples in a batch that a dataset gave, where it shows: of a container its size, of examples that were stacked what
/// the first dimensions of data and target agree upon; `asked` else.
template <class B>
size_t samples_in(const B& batch, size_t asked) {
  if constexpr (requires {
                  { batch.data } -> std::same_as<const at::Tensor&>;
                  { batch.target } -> std::same_as<const at::Tensor&>;
                }) {
    const bool stacked = batch.data.dim() > 0 && batch.target.dim() > 0 && batch.data.size(0) == batch.target.size(0);
    return stacked ? static_cast<size_t>(batch.data.size(0)) : asked;
  } else if constexpr (requires {
                         { batch.size() } -> std::convertible_to<size_t>;
                         typename B::value_type;
                       })
    return static_cast<size_t>(batch.size());
  else
    return asked;
}

/// Room for a packed sample, from what a batch of one takes: with some to spare, since others may be larger.
inline uint64_t room_for(const PackedBatch& batch_of_one) {
  const size_t bytes = PackedLayout(batch_of_one).bytes();
  return bytes + bytes / 4 + 64;
}

/// Samples of fixed fields, written row by row.
template <class D>
class RowsSource final : public Source {
 public:
  explicit RowsSource(std::shared_ptr<D> dataset) : dataset_(std::move(dataset)) {}

  Kind kind() const override { return Kind::kRows; }
  size_t size() const override { return size_of(*dataset_); }
  std::string describe(size_t index) const override { return detail::describe(*dataset_, index); }
  std::unique_ptr<Source> clone() const override {
    auto copy = std::make_unique<RowsSource>(detail::clone(dataset_));
    copy->spec_ = spec_;
    return copy;
  }

  const SampleSpec& spec() override {
    if (!spec_) spec_ = find_spec();
    return *spec_;
  }

  void fill(FillRequest& request) override {
    const SampleSpec& spec = this->spec();
    rows_.resize(spec.fields.size());
    for (uint32_t r = request.first(); r < request.last(); ++r) {
      if (!request.wanted(r)) continue;
      const size_t index = request.index(r);
      SampleContext context = request.start(r);
      for (size_t f = 0; f < rows_.size(); ++f) rows_[f] = request.row(f, r);
      SampleRow row(spec, rows_);
      if constexpr (!InPlaceDataset<D> && !GetsWithContext<D>) request.seed_default_generator(context.seed());
      if constexpr (InPlaceDataset<D>)
        dataset_->read(index, row, context);
      else
        collate::write_sample(row, get_sample(*dataset_, index, context));
    }
  }

  /// Workers are told what the trainer found, so that they need not read the first sample for it.
  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }

 private:
  SampleSpec find_spec() {
    if constexpr (InPlaceDataset<D>) {
      return dataset_->spec();
    } else {
      SampleContext context(0, -1);
      return collate::spec_of(get_sample(*dataset_, 0, context));
    }
  }

  std::shared_ptr<D> dataset_;
  std::optional<SampleSpec> spec_;
  std::vector<std::byte*> rows_;
};

/// What packed sources have in common: `Derived` makes the value of a batch.
template <class D, class Derived>
class PackedSource : public Source {
 public:
  explicit PackedSource(std::shared_ptr<D> dataset) : dataset_(std::move(dataset)) {}

  Kind kind() const override { return Kind::kPacked; }
  std::string describe(size_t index) const override { return detail::describe(*dataset_, index); }
  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }

  size_t size() const override {
    if constexpr (Sized<D> && !SizeDataset<D>)
      return size_of(*dataset_);
    else
      return kUnknownSize;
  }

  const SampleSpec& spec() override {
    if (!spec_) spec_ = packed_spec(measure());
    return *spec_;
  }

 protected:
  D& dataset() { return *dataset_; }
  const std::shared_ptr<D>& shared_dataset() const { return dataset_; }

 private:
  // The first sample shows how large they are. Should it be one that cannot be read, that is to be said when its turn
  // comes. What gives batches of a size would be a sample short after it.
  uint64_t measure() {
    if constexpr (SizeDataset<D>) return kUnknownSampleBytes;
    try {
      PackedBatch batch;
      pack_value(batch, static_cast<Derived*>(this)->first_alone());
      return room_for(batch);
    } catch (...) {
      return kUnknownSampleBytes;
    }
  }

  std::shared_ptr<D> dataset_;
  std::optional<SampleSpec> spec_;
};

/// Samples of any type, collated.
template <class D, class Collate>
class CollatedSource final : public PackedSource<D, CollatedSource<D, Collate>> {
 public:
  CollatedSource(std::shared_ptr<D> dataset, Collate collate)
      : CollatedSource::PackedSource(std::move(dataset)), collate_(std::move(collate)) {}

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<CollatedSource>(detail::clone(this->shared_dataset()), collate_);
  }

  void fill(FillRequest& request) override {
    std::vector<SampleOf<D>> samples;
    for (uint32_t r = request.first(); r < request.last(); ++r) {
      if (!request.wanted(r)) continue;
      const size_t index = request.index(r);
      SampleContext context = request.start(r);
      if constexpr (!GetsWithContext<D>) request.seed_default_generator(context.seed());
      samples.push_back(get_sample(this->dataset(), index, context));
    }
    request.start_batch();
    PackedBatch batch;
    batch.samples = static_cast<uint32_t>(samples.size());
    if (!samples.empty()) pack_value(batch, collate_(std::move(samples)));
    request.put(batch);
  }

  auto first_alone() {
    SampleContext context(0, -1);
    std::vector<SampleOf<D>> one;
    one.push_back(get_sample(this->dataset(), 0, context));
    return collate_(std::move(one));
  }

 private:
  Collate collate_;
};

/// A dataset that gives whole batches: of indices, or of a size.
template <class D>
class BatchesSource final : public PackedSource<D, BatchesSource<D>> {
 public:
  explicit BatchesSource(std::shared_ptr<D> dataset) : BatchesSource::PackedSource(std::move(dataset)) {}

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<BatchesSource>(detail::clone(this->shared_dataset()));
  }

  void fill(FillRequest& request) override {
    indices_.clear();
    for (uint32_t r = request.first(); r < request.last(); ++r)
      if (request.wanted(r)) indices_.push_back(request.index(r));
    request.seed_default_generator(request.start(request.first()).seed());
    request.start_batch();
    PackedBatch batch;
    batch.samples = static_cast<uint32_t>(indices_.size());
    if (!indices_.empty()) pack_value(batch, get(indices_));
    request.put(batch);
  }

  auto first_alone() { return get({0}); }

 private:
  auto get(const std::vector<size_t>& indices) {
    if constexpr (SizeDataset<D>)
      return this->dataset().get_batch(indices.size());
    else
      return this->dataset().get_batch(indices);
  }

  std::vector<size_t> indices_;
};

/// What sources of streams have in common: they know no samples, and cannot measure any without using it up.
class StreamsSourceBase : public Source {
 public:
  Kind kind() const override { return Kind::kStreams; }
  std::string describe(size_t) const override { return {}; }
  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }
  const SampleSpec& spec() override { return spec_; }

 private:
  SampleSpec spec_ = packed_spec(kUnknownSampleBytes);
};

template <class D>
using StreamSampleOf = std::remove_cvref_t<decltype(*std::declval<D&>().next(std::declval<StreamContext&>()))>;

template <class D>
concept HasState = requires(D& dataset) {
  dataset.load_state(dataset.state());
};

template <class D>
using StateOf = std::remove_cvref_t<decltype(std::declval<D&>().state())>;

/// An iterable dataset: a copy of it for each stream that this worker was asked for.
template <class D, class Collate>
class StreamsSource final : public StreamsSourceBase {
 public:
  StreamsSource(std::shared_ptr<D> dataset, Collate collate)
      : prototype_(std::move(dataset)), collate_(std::move(collate)) {}

  size_t size() const override {
    if constexpr (Sized<D>) {
      const size_t size = size_of(*prototype_);
      if (size != kUnknownSize) return size;
    }
    return 0;
  }

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<StreamsSource>(detail::clone(prototype_), collate_);
  }

  void check_state(std::span<const std::byte> state) const override {
    if constexpr (HasState<D>) {
      if (!state.empty()) decode_state<StateOf<D>>(state);
    } else {
      Source::check_state(state);
    }
  }

  void fill(FillRequest& request) override {
    const StreamRequest wanted = request.stream();
    Stream& stream = go_to(wanted, request);
    PackedBatch batch;
    std::vector<StreamSampleOf<D>> samples;
    for (int64_t i = 0; i < wanted.batch_size && !stream.ended; ++i) {
      try {
        if (auto sample = step(stream, wanted, request)) samples.push_back(*std::move(sample));
      } catch (...) {
        if (!wanted.skip_errors) throw;
        FillRequest::leave_out(batch, 1);
      }
    }
    const bool is_short = static_cast<int64_t>(samples.size()) < wanted.batch_size;
    if (stream.ended && wanted.drop_last && is_short) samples.clear();
    request.start_batch();
    batch.samples = static_cast<uint32_t>(samples.size());
    batch.ended = stream.ended;
    if (!samples.empty()) pack_value(batch, collate_(std::move(samples)));
    if constexpr (HasState<D>) batch.state = encode(stream.dataset->state()).bytes;
    request.put(batch);
  }

 private:
  static constexpr bool kHasState = requires(D & dataset) { dataset.load_state(dataset.state()); };

  struct Stream {
    int64_t epoch = 0;
    int64_t position = 0;
    bool ended = false;
    std::unique_ptr<D> dataset;
  };

  template <class S>
  static S decode_state(std::span<const std::byte> bytes) {
    S state;
    DecodeArchive archive(bytes, {});
    archive(state);
    if (archive.remaining() > 0) throw DecodeError("it goes on behind its end");
    return state;
  }

  auto step(Stream& stream, const StreamRequest& wanted, FillRequest& request) {
    StreamContext context = request.start(wanted, stream.position);
    ++stream.position;  // Before the call: what throws is used up as well.
    auto sample = stream.dataset->next(context);
    if (!sample) {
      --stream.position;
      stream.ended = true;
    }
    return sample;
  }

  // The stream where the request wants it: at hand, or made anew from the place that the trainer knows, since this
  // worker may have come in the place of another.
  Stream& go_to(const StreamRequest& wanted, FillRequest& request) {
    Stream& stream = streams_[wanted.stream];
    if (!stream.dataset || stream.epoch != wanted.epoch || stream.position > wanted.position) {
      stream = {wanted.epoch, 0, false, std::make_unique<D>(*prototype_)};
      if constexpr (HasState<D>) {
        if (!wanted.known_state.empty()) {
          stream.dataset->load_state(decode_state<StateOf<D>>(wanted.known_state));
          stream.position = wanted.known_position;
        }
      }
    }
    while (stream.position < wanted.position && !stream.ended) {
      try {
        step(stream, wanted, request);
      } catch (...) {
        continue;  // It was reported when it was to be delivered.
      }
    }
    return stream;
  }

  std::shared_ptr<D> prototype_;
  Collate collate_;
  std::map<int64_t, Stream> streams_;
};

/// A stateful dataset of torch::data: one stream, which one worker reads; several read-ahead threads are its own
/// affair.
template <class D>
class StatefulSource final : public StreamsSourceBase {
 public:
  using Batch = std::remove_cvref_t<decltype(*std::declval<D&>().get_batch(size_t{}))>;

  explicit StatefulSource(std::shared_ptr<D> dataset) : dataset_(std::move(dataset)) {}

  size_t size() const override { return 0; }
  int64_t max_streams() const override { return 1; }
  std::unique_ptr<Source> clone() const override { return std::make_unique<StatefulSource>(dataset_); }

  void fill(FillRequest& request) override {
    const StreamRequest wanted = request.stream();
    if (epoch_ != wanted.epoch || position_ > wanted.position) {
      request.seed_default_generator(request.start(wanted, 0).seed());
      dataset_->reset();
      epoch_ = wanted.epoch;
      position_ = 0;
      ended_ = false;
    }
    while (position_ < wanted.position && !ended_) {
      try {
        step(wanted, request);
      } catch (...) {
        continue;  // It was reported when it was to be delivered.
      }
    }
    PackedBatch batch;
    try {
      if (auto value = ended_ ? std::nullopt : step(wanted, request)) put_value(batch, *value, wanted);
    } catch (...) {
      if (!wanted.skip_errors) throw;
      FillRequest::leave_out(batch, static_cast<uint32_t>(wanted.batch_size));
    }
    batch.ended = ended_;
    request.put(batch);
  }

 private:
  template <class B>
  static void put_value(PackedBatch& batch, const B& value, const StreamRequest& wanted) {
    const auto asked = static_cast<size_t>(wanted.batch_size);
    const size_t samples = samples_in(value, asked);
    if (wanted.drop_last && samples < asked) return;
    pack_value(batch, value);
    batch.samples = static_cast<uint32_t>(samples);
  }

  std::optional<Batch> step(const StreamRequest& wanted, FillRequest& request) {
    request.start(wanted, position_);
    position_ += wanted.batch_size;
    auto batch = dataset_->get_batch(static_cast<size_t>(wanted.batch_size));
    if (!batch) ended_ = true;
    return batch;
  }

  std::shared_ptr<D> dataset_;
  int64_t epoch_ = -1;
  int64_t position_ = 0;
  bool ended_ = false;
};

/// The Source of a dataset, and what a batch of it is: Columns means a Batch of named fields.
template <class D, class Collate>
struct SourceFor;

template <class D, class Collate>
requires InPlaceDataset<D>
struct SourceFor<D, Collate> {
  static_assert(std::is_same_v<Collate, collate::Default>,
                "a dataset that writes its samples in place needs no collate");
  using Batch = Columns;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<RowsSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
requires(!InPlaceDataset<D> && StatefulDataset<D>) struct SourceFor<D, Collate> {
  using Batch = typename StatefulSource<D>::Batch;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<StatefulSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
requires(!InPlaceDataset<D> && (BatchDataset<D> || SizeDataset<D>)) struct SourceFor<D, Collate> {
  static_assert(std::is_same_v<Collate, collate::Default>, "a dataset that gives whole batches needs no collate");
  static auto first(D& dataset) {
    if constexpr (SizeDataset<D>)
      return dataset.get_batch(size_t{1});
    else
      return dataset.get_batch(std::vector<size_t>{0});
  }
  using Batch = std::remove_cvref_t<decltype(first(std::declval<D&>()))>;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<BatchesSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
requires(!InPlaceDataset<D> && !StatefulDataset<D> && !BatchDataset<D> && !SizeDataset<D> &&
         GetDataset<D>) struct SourceFor<D, Collate> {
  static constexpr bool kRows = std::is_same_v<Collate, collate::Default> && collate::FitsRows<SampleOf<D>>;
  using Batch = collate::BatchOf<Collate, SampleOf<D>>;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate collate) {
    if constexpr (kRows)
      return std::make_unique<RowsSource<D>>(std::move(dataset));
    else
      return std::make_unique<CollatedSource<D, Collate>>(std::move(dataset), std::move(collate));
  }
};

template <class D, class Collate>
requires(!InPlaceDataset<D> && !StatefulDataset<D> && !BatchDataset<D> && !SizeDataset<D> && !GetDataset<D> &&
         IterableDataset<D>) struct SourceFor<D, Collate> {
  using Batch = collate::BatchOf<Collate, StreamSampleOf<D>>;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate collate) {
    return std::make_unique<StreamsSource<D, Collate>>(std::move(dataset), std::move(collate));
  }
};

// --- how a dataset and its collate function get to a worker process ---

template <class Collate>
constexpr bool kIsFunction = std::is_pointer_v<Collate>&& std::is_function_v<std::remove_pointer_t<Collate>>;

template <class Collate>
concept CollateTravels = kIsFunction<Collate> || Travels<Collate>;

template <class T>
void save_part(EncodeArchive& archive, const T& part) {
  if constexpr (kIsFunction<T>)
    archive(identify(part));
  else if constexpr (!std::is_empty_v<T>)
    archive(part);
}

template <class T>
T load_part(DecodeArchive& archive) {
  T part{};
  if constexpr (kIsFunction<T>) {
    FunctionRef function;
    archive(function);
    part = resolve<std::remove_pointer_t<T>>(function);
  } else if constexpr (!std::is_empty_v<T>) {
    archive(part);
  }
  return part;
}

template <class D, class Collate>
std::unique_ptr<Source> rebuild_dataset(DecodeArchive& archive) {
  auto dataset = std::make_shared<D>(load_part<D>(archive));
  return SourceFor<D, Collate>::make(std::move(dataset), load_part<Collate>(archive));
}

template <class Collate, class Result, class... Parameters>
std::unique_ptr<Source> rebuild_recipe(DecodeArchive& archive) {
  FunctionRef function;
  Recipe<Result, Parameters...> recipe;
  archive(function, recipe.arguments);
  recipe.function = resolve<typename Recipe<Result, Parameters...>::Function>(function);
  return SourceFor<Result, Collate>::make(std::make_shared<Result>(recipe()), load_part<Collate>(archive));
}

/// The dataset as it travels, or nothing when it cannot.
template <class D, class Collate>
std::optional<TravellingDataset> pack(const D& dataset, const Collate& collate) {
  if constexpr (Travels<D> && CollateTravels<Collate>) {
    EncodeArchive archive;
    save_part(archive, dataset);
    save_part(archive, collate);
    return TravellingDataset{identify(&rebuild_dataset<D, Collate>), archive.take()};
  } else {
    return std::nullopt;
  }
}

template <class Collate, class Result, class... Parameters>
std::optional<TravellingDataset> pack(const Recipe<Result, Parameters...>& recipe, const Collate& collate) {
  if constexpr (CollateTravels<Collate>) {
    EncodeArchive archive;
    archive(identify(recipe.function), recipe.arguments);
    save_part(archive, collate);
    return TravellingDataset{identify(&rebuild_recipe<Collate, Result, Parameters...>), archive.take()};
  } else {
    return std::nullopt;
  }
}

/// A dataset, or the recipe of one.
template <class D>
struct Made {
  using Dataset = D;
  static D make(D dataset) { return dataset; }
};

template <class Result, class... Parameters>
struct Made<Recipe<Result, Parameters...>> {
  using Dataset = Result;
  static Result make(const Recipe<Result, Parameters...>& recipe) { return recipe(); }
};

}  // namespace detail
}  // namespace millrace
