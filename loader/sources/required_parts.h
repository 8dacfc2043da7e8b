#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/source_for.h"
#include "millrace/samplers/sampler.h"

// The compiler's words for a dataset, a collate function or a sampler that lacks a part: one error, which names it.
namespace millrace::detail {

template <class D>
concept HasRead =
    requires(D& dataset, size_t index, SampleRow& row, SampleContext& context) { dataset.read(index, row, context); };
template <class D>
concept HasSpec = requires(D& dataset) { dataset.spec(); };
template <class D>
concept HasGetBatch = requires(D& dataset, std::vector<size_t> indices) { dataset.get_batch(indices); };
template <class D>
concept IsPointer = std::is_pointer_v<D> || requires(D& dataset) { dataset.operator->(); };
template <class D>
concept HasNext = requires(D& dataset, StreamContext& context) { dataset.next(context); };

/// Whether what the loader would call to read a sample is a function without a result.
template <class D>
consteval bool gives_nothing() {
  if constexpr (InPlaceDataset<D> || StatefulDataset<D>)
    return false;
  else if constexpr (BatchDataset<D>)
    return std::is_void_v<decltype(std::declval<D&>().get_batch(std::vector<size_t>()))>;
  else if constexpr (SizeDataset<D>)
    return std::is_void_v<decltype(std::declval<D&>().get_batch(size_t{}))>;
  else if constexpr (GetDataset<D>)
    return std::is_void_v<SampleOf<D>>;
  else
    return false;
}

/// True, or a compile-time error that says what the dataset lacks. Callers stop there, so that it stays the only error.
template <class D>
consteval bool require_dataset() {
  constexpr bool kIsDataset = Dataset<D> && !gives_nothing<D>();
  if constexpr (kIsDataset)
    return true;
  else if constexpr (gives_nothing<D>())
    static_assert(kIsDataset, "the dataset's get() or get_batch() returns void: let it return the sample or the batch");
  else if constexpr (IsPointer<D>)
    static_assert(kIsDataset,
                  "give the object, not a pointer to it: make_data_loader() takes the dataset itself, or recipe()");
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

template <class S>
concept HasNextIndex = requires(S& sampler) { sampler.next(); };
template <class S>
concept HasNextBatch = requires(S& sampler, std::vector<int64_t>& batch) { sampler.next(batch); };
template <class S>
concept HasSamplerSize = requires(const S& sampler) {
  { sampler.size() } -> std::same_as<int64_t>;
};
template <class S>
concept HasSetEpoch = requires(S& sampler, int64_t epoch) { sampler.set_epoch(epoch); };

/// A compile-time error that says what S lacks to be a sampler. REQUIRES: it is none.
template <class S>
consteval void require_sampler() {
  constexpr bool kIsSampler = Sampler<S> || SamplerOfBatches<S>;
  if constexpr (IsPointer<S>)
    static_assert(kIsSampler, "give the object, not a pointer to it: make_data_loader() takes the sampler itself");
  else if constexpr (!HasNextIndex<S> && !HasNextBatch<S>)
    static_assert(
        kIsSampler,
        "this is neither options, nor a sampler, nor a range of indices: a sampler has public `int64_t size() "
        "const`, `void set_epoch(int64_t epoch)` and `std::optional<int64_t> next()`, or, of batches, `bool "
        "next(std::vector<int64_t>& batch)`");
  else if constexpr (!HasSamplerSize<S>)
    static_assert(kIsSampler, "this sampler has next() but no size(): give it a public `int64_t size() const`");
  else if constexpr (!HasSetEpoch<S>)
    static_assert(kIsSampler,
                  "this sampler has next() but no set_epoch(): give it a public `void set_epoch(int64_t epoch)`");
  else if constexpr (!std::movable<S>)
    static_assert(kIsSampler, "this sampler cannot be moved: give it a move constructor and a move assignment");
  else
    static_assert(kIsSampler,
                  "this sampler's next() must be `std::optional<int64_t> next()`, or `bool next(std::vector<int64_t>& "
                  "batch)` for whole batches, and its set_epoch() gives nothing");
}

}  // namespace millrace::detail
