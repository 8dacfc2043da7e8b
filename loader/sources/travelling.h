#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "millrace/loader/dataset.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/copies.h"
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

/// What pack() wrote of a dataset or recipe D.
template <class D>
struct Unpacked {
  static D load(DecodeArchive& archive) { return load_part<D>(archive); }
};

template <class Result, class... Parameters>
struct Unpacked<Recipe<Result, Parameters...>> {
  static Result load(DecodeArchive& archive) {
    FunctionRef function;
    Recipe<Result, Parameters...> recipe;
    archive(function, recipe.arguments);
    recipe.function = resolve<typename Recipe<Result, Parameters...>::Function>(function);
    return recipe();
  }
};

template <class D, class Collate>
auto unpack(DecodeArchive& archive) {
  using Dataset = typename Made<D>::Dataset;
  auto dataset = std::make_shared<Dataset>(Unpacked<D>::load(archive));
  return DatasetAndCollate<Dataset, Collate>{std::move(dataset), load_part<Collate>(archive)};
}

template <class D, class Collate>
std::unique_ptr<Source> rebuild(DecodeArchive& archive) {
  auto parts = unpack<D, Collate>(archive);
  return SourceFor<typename Made<D>::Dataset, Collate>::make(std::move(parts.dataset), std::move(parts.collate));
}

/// Throws the std::invalid_argument for a collate function that cannot travel, with the cures.
[[noreturn]] void throw_collate_stays(const std::type_info& collate);
/// Throws the std::invalid_argument for batches that a worker process cannot send, with the cures.
[[noreturn]] void throw_batch_stays(const std::type_info& batch);

/// The dataset as it travels, or nothing when it cannot.
template <class D, class Collate>
std::optional<TravellingDataset> pack(const D& dataset, const Collate& collate) {
  if constexpr (Travels<D> && CollateTravels<Collate>) {
    EncodeArchive archive;
    archive.require_all_members();
    save_part(archive, dataset);
    save_part(archive, collate);
    return TravellingDataset{identify(&rebuild<D, Collate>), archive.take()};
  } else {
    return std::nullopt;
  }
}

template <class Collate, class Result, class... Parameters>
std::optional<TravellingDataset> pack(const Recipe<Result, Parameters...>& recipe, const Collate& collate) {
  if constexpr (CollateTravels<Collate>) {
    EncodeArchive archive;
    archive.require_all_members();
    archive(identify(recipe.function), recipe.arguments);
    save_part(archive, collate);
    return TravellingDataset{identify(&rebuild<Recipe<Result, Parameters...>, Collate>), archive.take()};
  } else {
    return std::nullopt;
  }
}

/// Checks a copy for DataLoaderOptions::check_copies; `travelling` is what pack() made of a D and the collate function.
/// Throws std::logic_error.
template <class D, class Made, class Collate>
void check_copy(TravellingDataset travelling, const std::shared_ptr<Made>& dataset, const Collate& collate,
                const DataLoaderOptions& options) {
  if constexpr ((Travels<D> || !std::same_as<D, Made>) && CollateTravels<Collate>) {
    DecodeArchive archive(travelling.content.bytes, travelling.content.fds);
    const auto copy = unpack<D, Collate>(archive);
    compare_copies(DatasetAndCollate<Made, Collate>{dataset, collate}, copy, options.check_copies(), options.seed());
  }
}

}  // namespace millrace::detail
