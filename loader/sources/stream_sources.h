#pragma once

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/example_codec.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/local_batches.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/source_parts.h"
#include "millrace/loader/worker_info.h"

// Sources of datasets that are read from beginning to end.
namespace millrace::detail {

/// What sources of streams have in common: they know no samples, and cannot measure one without using it up.
class StreamsSourceBase : public Source {
 public:
  Kind kind() const override { return Kind::kStreams; }
  std::string describe(size_t) const override { return {}; }
  std::optional<SampleSpec> known_spec() override { return packed_spec(kUnknownSampleBytes); }
  SampleSpec read_spec(size_t) override { return packed_spec(kUnknownSampleBytes); }
  void set_spec(SampleSpec) override {}
};

/// The size of a dataset without indices; 0 where it does not know.
template <class D>
size_t size_if_known(D& dataset) {
  if constexpr (Sized<D>) {
    const size_t size = size_of(dataset);
    if (size != kUnknownSize) return size;
  }
  return 0;
}

/// Throws std::logic_error for a dataset that gave samples to one of several streams without asking which part is its
/// own, and says how to give a part only. `counts_workers`: the dataset asked get_worker_info() instead.
[[noreturn]] void refuse_whole_streams(int64_t num_streams, bool counts_workers);

/// Throws std::logic_error where a dataset of one stream asked get_worker_info() in one of several workers: dealt out
/// by that, the parts of the others, which read nothing, would be lost.
void require_no_parts_of_workers(bool worker_asked);

/// Whether a request finds nothing but the end of a stream that has given something, which has to be told: an error in
/// its place would come again for ever.
inline bool is_mere_end(const StreamRequest& wanted, bool is_empty) { return is_empty && wanted.position > 0; }

template <class D>
using StreamSampleOf = std::remove_cvref_t<decltype(*std::declval<D&>().next(std::declval<StreamContext&>()))>;

template <class D>
concept HasState = requires(D& dataset) { dataset.load_state(dataset.state()); };

template <class D>
using StateOf = std::remove_cvref_t<decltype(std::declval<D&>().state())>;

/// A source of an iterable dataset, with a copy of the dataset for each stream that this worker was asked for.
template <class D, class Collate>
class StreamsSource final : public StreamsSourceBase {
 public:
  using Carrier = BatchCarrier<collate::BatchOf<Collate, StreamSampleOf<D>>>;

  StreamsSource(std::shared_ptr<D> dataset, Collate collate, Carrier carrier = {})
      : prototype_(std::move(dataset)), collate_(std::move(collate)), carrier_(std::move(carrier)) {}

  std::shared_ptr<void> local_batches() const override { return carrier_.local(); }

  size_t size() const override { return size_if_known(*prototype_); }

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<StreamsSource>(detail::clone(prototype_), collate_, carrier_);
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
    if (wanted.num_streams > 1 && !stream.part_asked && !samples.empty())
      refuse_whole_streams(wanted.num_streams, stream.worker_asked);
    if (wanted.num_streams == 1 && !stream.part_asked && !is_mere_end(wanted, samples.empty()))
      require_no_parts_of_workers(stream.worker_asked);
    batch.samples = static_cast<uint32_t>(samples.size());
    batch.ended = stream.ended;
    if (!samples.empty()) carrier_.put(batch, request, collate_(std::move(samples)));
    if constexpr (HasState<D>) batch.state = encode(stream.dataset->state()).bytes;
    request.put(batch);
  }

 private:
  struct Stream {
    int64_t epoch = 0;
    int64_t position = 0;
    bool ended = false;
    std::unique_ptr<D> dataset;
    bool part_asked = false;    // Since its beginning, or before the state it goes on from.
    bool worker_asked = false;  // Whether it asked get_worker_info().
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
    ++stream.position;  // Before the call: a sample whose reading throws is used up, too.
    const uint64_t looks = worker_info_looks();
    auto sample = stream.dataset->next(context);
    stream.part_asked |= context.part_asked();
    stream.worker_asked |= worker_info_looks() != looks;
    if (!sample) {
      --stream.position;
      stream.ended = true;
    }
    return sample;
  }

  // The stream where the request wants it: the one at hand, or one made anew at the place that the trainer knows, since
  // this worker may have come in the place of another.
  Stream& go_to(const StreamRequest& wanted, FillRequest& request) {
    Stream& stream = streams_[wanted.stream];
    if (!stream.dataset || stream.epoch != wanted.epoch || stream.position > wanted.position) {
      stream = {.epoch = wanted.epoch, .dataset = std::make_unique<D>(*prototype_)};
      if constexpr (HasState<D>) {
        if (!wanted.known_state.empty()) {
          stream.dataset->load_state(decode_state<StateOf<D>>(wanted.known_state));
          stream.position = wanted.known_position;
          stream.part_asked = true;
        }
      }
    }
    while (stream.position < wanted.position && !stream.ended) {
      try {
        step(stream, wanted, request);
      } catch (...) {
        continue;  // The error was reported when the sample was to be delivered.
      }
    }
    return stream;
  }

  std::shared_ptr<D> prototype_;
  Collate collate_;
  Carrier carrier_;
  std::map<int64_t, Stream> streams_;
};

/// Samples in a batch that a dataset gave, where the batch shows it: the size of a container, or the first dimension of
/// stacked examples if data and target agree upon it; else `asked`.
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

/// A source of a stateful dataset of torch::data: one stream, which one worker reads. The dataset's own read-ahead
/// threads do not concern it.
template <class D>
class StatefulSource final : public StreamsSourceBase {
 public:
  using Batch = std::remove_cvref_t<decltype(*std::declval<D&>().get_batch(size_t{}))>;

  explicit StatefulSource(std::shared_ptr<D> dataset, BatchCarrier<Batch> carrier = {})
      : dataset_(std::move(dataset)), carrier_(std::move(carrier)) {}

  std::shared_ptr<void> local_batches() const override { return carrier_.local(); }

  size_t size() const override { return size_if_known(*dataset_); }
  int64_t max_streams() const override { return 1; }
  std::unique_ptr<Source> clone() const override { return std::make_unique<StatefulSource>(dataset_, carrier_); }

  void fill(FillRequest& request) override {
    const StreamRequest wanted = request.stream();
    if (epoch_ != wanted.epoch || position_ > wanted.position) {
      request.seed_default_generator(request.start(wanted, 0).seed());
      dataset_->reset();
      epoch_ = wanted.epoch;
      position_ = 0;
      ended_ = false;
      worker_asked_ = false;
    }
    while (position_ < wanted.position && !ended_) {
      try {
        step(wanted, request);
      } catch (...) {
        continue;  // The error was reported when the sample was to be delivered.
      }
    }
    PackedBatch batch;
    try {
      if (auto value = ended_ ? std::nullopt : step(wanted, request))
        put_value(batch, *std::move(value), wanted, request);
    } catch (...) {
      if (!wanted.skip_errors) throw;
      FillRequest::leave_out(batch, static_cast<uint32_t>(wanted.batch_size));
    }
    if (!is_mere_end(wanted, batch.samples == 0)) require_no_parts_of_workers(worker_asked_);
    batch.ended = ended_;
    request.put(batch);
  }

 private:
  void put_value(PackedBatch& batch, Batch value, const StreamRequest& wanted, const FillRequest& request) {
    const auto asked = static_cast<size_t>(wanted.batch_size);
    const size_t samples = samples_in(value, asked);
    if (wanted.drop_last && samples < asked) return;
    carrier_.put(batch, request, std::move(value));
    batch.samples = static_cast<uint32_t>(samples);
  }

  std::optional<Batch> step(const StreamRequest& wanted, FillRequest& request) {
    request.start(wanted, position_);
    position_ += wanted.batch_size;
    const uint64_t looks = worker_info_looks();
    auto batch = dataset_->get_batch(static_cast<size_t>(wanted.batch_size));
    worker_asked_ |= worker_info_looks() != looks;
    if (!batch) ended_ = true;
    return batch;
  }

  std::shared_ptr<D> dataset_;
  BatchCarrier<Batch> carrier_;
  int64_t epoch_ = -1;
  int64_t position_ = 0;
  bool ended_ = false;
  bool worker_asked_ = false;  // Whether it asked get_worker_info() in this epoch.
};

}  // namespace millrace::detail
