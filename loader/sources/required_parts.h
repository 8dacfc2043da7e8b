#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/source_for.h"

// The compiler's words for a dataset or a collate function that lacks a part: one error, which names the part.
namespace millrace::detail {

template <class D>
concept HasRead =
    requires(D& dataset, size_t index, SampleRow& row, SampleContext& context) { dataset.read(index, row, context); };
template <class D>
concept HasSpec = requires(D& dataset) { dataset.spec(); };
template <class D>
concept HasGetBatch = requires(D& dataset, std::vector<size_t> indices) { dataset.get_batch(indices); };
template <class D>
concept HasNext = requires(D& dataset, StreamContext& context) { dataset.next(context); };

/// True, or a compile-time error that says what the dataset lacks. Callers stop there, so that it stays the only error.
template <class D>
consteval bool require_dataset() {
  constexpr bool kIsDataset = Dataset<D>;
  if constexpr (kIsDataset)
    return true;
  else if constexpr (std::is_pointer_v<D>)
    static_assert(kIsDataset, "make_data_loader() takes the dataset itself, or recipe(), and no pointer to it");
  else if constexpr (GetsByIndexAlone<D> || GetsWithContext<D>)
    static_assert(kIsDataset, "this dataset has get() but no size(): give it a public `size_t size() const`");
  else if constexpr (HasRead<D> && !HasSpec<D>)
    static_assert(kIsDataset, "this dataset has read() but no spec(): give it a public `SampleSpec spec() const`");
  else if constexpr (HasRead<D>)
    static_assert(kIsDataset, "this dataset has read() but no size(): give it a public `size_t size() const`");
  else if constexpr (HasGetBatch<D>)
    static_assert(kIsDataset, "this dataset has get_batch() but no size(): give it a public `size_t size() const`");
  else if constexpr (HasNext<D> && !std::copy_constructible<D>)
    static_assert(
        kIsDataset,
        "this dataset has next() but cannot be copied, and each stream is a copy: give it a copy constructor");
  else if constexpr (HasNext<D>)
    static_assert(kIsDataset, "next() must give a std::optional of a sample, empty behind the last");
  else if constexpr (HasSpec<D> && Sized<D>)
    static_assert(kIsDataset,
                  "this dataset has spec() but no read(): give it a public "
                  "`void read(size_t index, SampleRow& row, SampleContext& context)`");
  else if constexpr (Sized<D>)
    static_assert(kIsDataset,
                  "this dataset has size() but no get(): give it a public `Sample get(size_t index)` or "
                  "`Sample get(size_t index, SampleContext& context)`, where Sample is what it gives");
  else
    static_assert(
        kIsDataset,
        "this is no dataset: give it public size() and get(index), or next(context); docs/datasets.md has all "
        "kinds");
  return kIsDataset;
}

/// True, or a compile-time error that says what the collate function lacks. REQUIRES: require_dataset<D>().
template <class D, class Collate>
consteval bool require_collate() {
  if constexpr (std::is_same_v<Collate, collate::Default>) {
    return true;  // The function says itself what it cannot collate.
  } else if constexpr (kind_of<D>() == DatasetKind::kGet || kind_of<D>() == DatasetKind::kIterable) {
    constexpr bool kFits = std::is_invocable_v<const Collate&, std::vector<typename SampleFor<D>::Type>>;
    static_assert(kFits,
                  "the collate function cannot be called with a std::vector of this dataset's samples: it takes "
                  "std::vector<Sample>&& and, where it is an object, its operator() is const");
    return kFits;
  } else {
    return true;
  }
}

template <class D, class Collate>
consteval bool require_parts() {
  if constexpr (require_dataset<D>())
    return require_collate<D, Collate>();
  else
    return false;
}

}  // namespace millrace::detail
