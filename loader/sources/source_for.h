#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/indexed_sources.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/stream_sources.h"

// How datasets of every kind become a Source. This is all that the loader compiles for a type of dataset.
namespace millrace::detail {

/// The kinds of datasets. Where one fulfils the concepts of several, the first counts.
enum class DatasetKind { kInPlace, kStateful, kBatches, kGet, kIterable };

template <Dataset D>
consteval DatasetKind kind_of() {
  if (InPlaceDataset<D>) return DatasetKind::kInPlace;
  if (StatefulDataset<D>) return DatasetKind::kStateful;
  if (BatchDataset<D> || SizeDataset<D>) return DatasetKind::kBatches;
  if (GetDataset<D>) return DatasetKind::kGet;
  return DatasetKind::kIterable;
}

/// The type of a sample, for a dataset that gives samples one by one.
template <class D, DatasetKind = kind_of<D>()>
struct SampleFor {
  using Type = SampleOf<D>;
};
template <class D>
struct SampleFor<D, DatasetKind::kIterable> {
  using Type = StreamSampleOf<D>;
};

/// The Source of a dataset, and what a batch of it is: Columns means a Batch of named fields.
template <class D, class Collate, DatasetKind = kind_of<D>()>
struct SourceFor;

template <class D, class Collate>
struct SourceFor<D, Collate, DatasetKind::kInPlace> {
  static_assert(std::is_same_v<Collate, collate::Default>,
                "a dataset that writes its samples in place needs no collate");
  using Batch = Columns;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<RowsSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
struct SourceFor<D, Collate, DatasetKind::kStateful> {
  static_assert(std::is_same_v<Collate, collate::Default>, "a dataset that gives whole batches needs no collate");
  using Batch = typename StatefulSource<D>::Batch;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<StatefulSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
struct SourceFor<D, Collate, DatasetKind::kBatches> {
  static_assert(std::is_same_v<Collate, collate::Default>, "a dataset that gives whole batches needs no collate");
  using Batch = GivenBatch<D>;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate) {
    return std::make_unique<BatchesSource<D>>(std::move(dataset));
  }
};

template <class D, class Collate>
struct SourceFor<D, Collate, DatasetKind::kGet> {
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
struct SourceFor<D, Collate, DatasetKind::kIterable> {
  using Batch = collate::BatchOf<Collate, StreamSampleOf<D>>;
  static std::unique_ptr<Source> make(std::shared_ptr<D> dataset, Collate collate) {
    return std::make_unique<StreamsSource<D, Collate>>(std::move(dataset), std::move(collate));
  }
};

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

}  // namespace millrace::detail
