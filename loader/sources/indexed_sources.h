#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/batch_memory.h"
#include "millrace/loader/collation/example_codec.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/local_batches.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/source_parts.h"
#include "millrace/loader/stages.h"

// Sources of datasets whose samples have indices.
namespace millrace::detail {

/// Room for a packed sample, judged by what a batch of one takes, with some to spare, since others may be larger.
inline uint64_t room_for(const PackedBatch& batch_of_one) {
  const size_t bytes = PackedLayout(batch_of_one).bytes();
  return bytes + bytes / 4 + 64;
}

/// A source of samples of fixed fields, written row by row.
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

  std::optional<SampleSpec> known_spec() override {
    if constexpr (InPlaceDataset<D>)
      return dataset_->spec();
    else
      return std::nullopt;
  }

  SampleSpec read_spec(size_t index) override {
    if constexpr (InPlaceDataset<D>) {
      return dataset_->spec();
    } else {
      SampleContext context(0, -1);
      return collate::spec_of(get_sample(*dataset_, index, context));
    }
  }

  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }

  void fill(FillRequest& request) override {
    rows_.resize(spec_.fields.size());
    for (uint32_t r = request.first(); r < request.last(); ++r) {
      if (!request.wanted(r)) continue;
      const size_t index = request.index(r);
      SampleContext context = request.start(r);
      for (size_t f = 0; f < rows_.size(); ++f) rows_[f] = request.row(f, r);
      SampleRow row(spec_, rows_);
      if constexpr (!InPlaceDataset<D> && !GetsWithContext<D>) request.seed_default_generator(context.seed());
      if constexpr (InPlaceDataset<D>)
        dataset_->read(index, row, context);
      else
        write(row, get_sample(*dataset_, index, context));
    }
  }

 private:
  template <class Sample>
  static void write(SampleRow& row, Sample&& sample) {
    const StageScope collating(Stage::kCollate);
    collate::write_sample(row, std::forward<Sample>(sample));
  }

  std::shared_ptr<D> dataset_;
  SampleSpec spec_;
  std::vector<std::byte*> rows_;
};

/// What packed sources have in common. `Derived` makes the value of a batch, a B.
template <class D, class B, class Derived>
class PackedSource : public Source {
 public:
  PackedSource(std::shared_ptr<D> dataset, BatchCarrier<B> carrier)
      : dataset_(std::move(dataset)), carrier_(std::move(carrier)) {}

  Kind kind() const override { return Kind::kPacked; }
  std::shared_ptr<void> local_batches() const override { return carrier_.local(); }
  std::string describe(size_t index) const override { return detail::describe(*dataset_, index); }
  void set_spec(SampleSpec) override {}

  size_t size() const override {
    if constexpr (Sized<D> && !SizeDataset<D>)
      return size_of(*dataset_);
    else
      return kUnknownSize;
  }

  // No spec is read from a dataset that gives batches of a size, which would be a sample short afterwards.
  std::optional<SampleSpec> known_spec() override {
    if constexpr (SizeDataset<D>)
      return packed_spec(kUnknownSampleBytes);
    else
      return std::nullopt;
  }

  SampleSpec read_spec(size_t index) override {
    PackedBatch batch;
    const B one = static_cast<Derived*>(this)->one_alone(index);
    if constexpr (BatchTravels<B>) pack_value(batch, one);
    return packed_spec(room_for(batch));
  }

 protected:
  D& dataset() { return *dataset_; }
  const std::shared_ptr<D>& shared_dataset() const { return dataset_; }
  BatchCarrier<B>& carrier() { return carrier_; }
  const BatchCarrier<B>& carrier() const { return carrier_; }

 private:
  std::shared_ptr<D> dataset_;
  BatchCarrier<B> carrier_;
};

/// A source of samples of any type, collated.
template <class D, class Collate>
class CollatedSource final
    : public PackedSource<D, collate::BatchOf<Collate, SampleOf<D>>, CollatedSource<D, Collate>> {
 public:
  using Made = collate::BatchOf<Collate, SampleOf<D>>;
  using Carrier = BatchCarrier<Made>;

  CollatedSource(std::shared_ptr<D> dataset, Collate collate, Carrier carrier = {})
      : CollatedSource::PackedSource(std::move(dataset), std::move(carrier)), collate_(std::move(collate)) {}

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<CollatedSource>(detail::clone(this->shared_dataset()), collate_, this->carrier());
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
    std::optional<BatchMemory> memory;
    if constexpr (collate::kKeepsNoTensor<Collate> && BatchTravels<Made>) memory.emplace(request.body());
    if (!samples.empty()) this->carrier().put(batch, request, collate_(std::move(samples)));
    request.put(batch);
  }

  auto one_alone(size_t index) {
    SampleContext context(0, -1);
    std::vector<SampleOf<D>> one;
    one.push_back(get_sample(this->dataset(), index, context));
    return collate_(std::move(one));
  }

 private:
  Collate collate_;
};

template <class D>
auto first_batch(D& dataset) {
  if constexpr (SizeDataset<D>)
    return dataset.get_batch(size_t{1});
  else
    return dataset.get_batch(std::vector<size_t>{0});
}

/// The type of a batch that a dataset of whole batches gives.
template <class D>
using GivenBatch = std::remove_cvref_t<decltype(first_batch(std::declval<D&>()))>;

/// A source of whole batches, which the dataset gives by indices or by size.
template <class D>
class BatchesSource final : public PackedSource<D, GivenBatch<D>, BatchesSource<D>> {
 public:
  explicit BatchesSource(std::shared_ptr<D> dataset, BatchCarrier<GivenBatch<D>> carrier = {})
      : BatchesSource::PackedSource(std::move(dataset), std::move(carrier)) {}

  std::unique_ptr<Source> clone() const override {
    return std::make_unique<BatchesSource>(detail::clone(this->shared_dataset()), this->carrier());
  }

  void fill(FillRequest& request) override {
    indices_.clear();
    for (uint32_t r = request.first(); r < request.last(); ++r)
      if (request.wanted(r)) indices_.push_back(request.index(r));
    request.seed_default_generator(request.start(request.first()).seed());
    request.start_batch();
    PackedBatch batch;
    batch.samples = static_cast<uint32_t>(indices_.size());
    if (!indices_.empty()) this->carrier().put(batch, request, get(indices_));
    request.put(batch);
  }

  auto one_alone(size_t index) { return get({index}); }

 private:
  auto get(const std::vector<size_t>& indices) {
    const StageScope getting(Stage::kGet, StageScope::Part::kMore);
    if constexpr (SizeDataset<D>)
      return this->dataset().get_batch(indices.size());
    else
      return this->dataset().get_batch(indices);
  }

  std::vector<size_t> indices_;
};

}  // namespace millrace::detail
