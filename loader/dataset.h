#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/sample_row.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/encodable.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/process/call.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace millrace {

// A dataset is any type that fulfils one of these concepts; there is no base class. Where it fulfils several, the first
// in this order counts.

namespace detail {

/// Says how many samples it has: torch::data's datasets may not know.
template <class D>
concept Sized = requires(D& dataset) {
  { dataset.size() } -> std::convertible_to<size_t>;
} || requires(D& dataset) {
  { dataset.size() } -> std::convertible_to<std::optional<size_t>>;
};

}  // namespace detail

/// Writes sample i in place: says what a sample looks like, then fills the row it is given.
template <class D>
concept InPlaceDataset =
    detail::Sized<D> && requires(D& dataset, size_t index, SampleRow& row, SampleContext& context) {
      { dataset.spec() } -> std::convertible_to<SampleSpec>;
      dataset.read(index, row, context);
    };

/// torch::data's stateful datasets (StatefulDataset, ChunkDataset, and what is made of them): gives batches of a size
/// until there are none, and begins anew at reset().
template <class D>
concept StatefulDataset = requires { requires D::is_stateful; };

/// Gives whole batches: torch::data's BatchDataset and all that derives from it, or one's own, where reading many
/// samples at once is cheaper. A batch is what get_batch() returns.
template <class D>
concept BatchDataset = detail::Sized<D> && !StatefulDataset<D> &&
                       requires(D& dataset, std::vector<size_t> indices) { dataset.get_batch(indices); };

/// torch::data's StreamDataset: gives batches of a size, for ever. Its sampler says how many make an epoch.
template <class D>
concept SizeDataset = !BatchDataset<D> && !StatefulDataset<D> &&
                      requires(D& dataset, size_t batch_size) { dataset.get_batch(batch_size); };

namespace detail {

template <class D>
concept GetsWithContext = requires(D& dataset, size_t index, SampleContext& context) { dataset.get(index, context); };

template <class D>
concept GetsByIndexAlone = requires(D& dataset, size_t index) { dataset.get(index); };

template <class D>
concept Describes = requires(const D& dataset, size_t index) { std::string(dataset.describe(index)); };

/// Says which class a sample is of.
template <class D>
concept Labels = requires(const D& dataset, size_t index) {
  { dataset.label(index) } -> std::convertible_to<int64_t>;
};

/// Sample `index`, by whichever get() the dataset has.
template <class D>
decltype(auto) get_sample(D& dataset, size_t index, SampleContext& context) {
  if constexpr (GetsWithContext<D>)
    return dataset.get(index, context);
  else
    return dataset.get(index);
}

template <class D>
using SampleOf =
    std::remove_cvref_t<decltype(get_sample(std::declval<D&>(), size_t{}, std::declval<SampleContext&>()))>;

}  // namespace detail

/// Gives sample i as a value that collates (see collate.h); with a context when it wants random numbers.
template <class D>
concept GetDataset = detail::Sized<D> && (detail::GetsByIndexAlone<D> || detail::GetsWithContext<D>);

/// Gives its samples, which collate, one after the other, and std::nullopt behind the last. Each stream (num_streams)
/// of the loader is a copy and gives its own part, for which it asks the StreamContext: not to ask is an error where
/// there are several. Optional: size(), the samples of all parts together; state() and load_state(), of any type the
/// codec knows, to be resumed without reading from the beginning.
template <class D>
concept IterableDataset = std::copy_constructible<D> && requires(D& dataset, StreamContext& context) {
  dataset.next(context).has_value();
  *dataset.next(context);
};

template <class D>
concept Dataset =
    InPlaceDataset<D> || StatefulDataset<D> || BatchDataset<D> || SizeDataset<D> || GetDataset<D> || IterableDataset<D>;

namespace detail {

/// Can be sent to workers: an empty type, or one with a default constructor and a `serialize` that covers all of it.
/// Tensors among its members move to shared memory, in place: the workers read the trainer's bytes, however many
/// workers there are.
template <class D>
concept Travels = std::default_initializable<D> && (std::is_empty_v<D> || kIsEncodable<D>);

}  // namespace detail

/// A dataset that each worker builds for itself: a function and its arguments. Made by recipe().
template <class Result, class... Parameters>
struct Recipe {
  using Function = Result(Parameters...);
  using Values = std::tuple<std::decay_t<Parameters>...>;

  Function* function = nullptr;
  Values arguments;

  Result operator()() const { return std::apply(function, arguments); }

  /// The number of samples, which takes making the dataset once more. Throws std::logic_error when the dataset does not
  /// know it.
  size_t size() const
    requires detail::Sized<Result> {
    Result dataset = (*this)();
    const std::optional<size_t> size = dataset.size();
    if (!size) throw std::logic_error("recipe: its dataset does not know how many samples it has");
    return *size;
  }
};

namespace detail {

template <class Result, class... Parameters, class... Arguments>
Recipe<Result, Parameters...> make_recipe(Result (*function)(Parameters...), Arguments&&... arguments) {
  using Made = Recipe<Result, Parameters...>;
  constexpr bool kAsMany = sizeof...(Arguments) == sizeof...(Parameters);
  static_assert(
      kAsMany,
      "the recipe's function takes another number of arguments: default arguments do not count, so give them, "
      "or wrap the function in a lambda that leaves them out");
  if constexpr (kAsMany) {
    constexpr bool kFit = (std::is_convertible_v<Arguments&&, std::decay_t<Parameters>> && ...);
    static_assert(kFit, "an argument of the recipe does not convert to its parameter's type");
    constexpr bool kTravel = (kIsEncodable<std::decay_t<Parameters>> && ...);
    static_assert(
        kTravel,
        "a parameter of the recipe's function cannot travel to another process: give its type serialize() and "
        "a default constructor; for pointers, views and spans take an owning type");
    if constexpr (kFit && kTravel)
      return {function,
              typename Made::Values(static_cast<std::decay_t<Parameters>>(std::forward<Arguments>(arguments))...)};
  }
  return Made{};
}

}  // namespace detail

/// A dataset made in each worker, for datasets that cannot travel themselves: workers call function(arguments...), as
/// the trainer does once to learn the size. The function is a function pointer or a lambda without captures, as
/// mp::Process takes them; arguments are any types the codec knows.
template <class F, class... Arguments>
auto recipe(F&& function, Arguments&&... arguments) {
  if constexpr (detail::kIsTarget<F>) return detail::make_recipe(+function, std::forward<Arguments>(arguments)...);
}

namespace detail {

// Throws std::out_of_range for an index outside the dataset. The dataset concepts give indices as size_t; a negative
// one is told as what it was.
inline void require_index(const char* dataset, size_t index, size_t size) {
  if (index < size) return;
  throw std::out_of_range(std::string(dataset) + ": index " + std::to_string(static_cast<int64_t>(index)) +
                          " is outside a dataset of " + counted(size, "sample"));
}

}  // namespace detail
}  // namespace millrace
