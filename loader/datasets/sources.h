#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collators.h"
#include "millrace/loader/datasets/dataset.h"
#include "millrace/loader/datasets/indexed_sources.h"
#include "millrace/loader/datasets/stream_sources.h"
#include "millrace/loader/source.h"

// How datasets of every kind become a Source: what the loader is compiled for a dataset, and all of it.
namespace millrace::detail {

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

}  // namespace millrace::detail
