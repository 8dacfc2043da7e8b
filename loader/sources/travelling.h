#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/source_for.h"
#include "millrace/loader/sources/travelling_dataset.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/function_ref.h"

// How a dataset and its collate function get to a worker process.
namespace millrace::detail {

template <class Collate>
constexpr bool kIsFunction = std::is_pointer_v<Collate> && std::is_function_v<std::remove_pointer_t<Collate>>;

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

}  // namespace millrace::detail
