#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "millrace/loader/collate.h"
#include "millrace/loader/datasets/sample_source.h"
#include "millrace/loader/sample.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/process/function_ref.h"

namespace millrace {

// A dataset is any type that fulfils one of these concepts; there is no base class.

/// Writes sample i in place: says what a sample looks like, then fills the row it is given.
template <class D>
concept InPlaceDataset = requires(D& dataset, size_t index, SampleRow& row, SampleContext& context) {
  { dataset.size() } -> std::convertible_to<size_t>;
  { dataset.spec() } -> std::convertible_to<SampleSpec>;
  dataset.read(index, row, context);
};

/// Gives sample i as a value that collates (see collate.h); with a context when it wants random numbers.
template <class D>
concept GetDataset = requires(D& dataset, size_t index) {
  { dataset.size() } -> std::convertible_to<size_t>;
}
&&(
    requires(D& dataset, size_t index) { dataset.get(index); } ||
    requires(D & dataset, size_t index, SampleContext& context) { dataset.get(index, context); });

template <class D>
concept Dataset = InPlaceDataset<D> || GetDataset<D>;

/// Can be sent to workers: an empty type, or one with a `serialize` that covers it and a default constructor to load
/// into.
template <class D>
concept Travels = std::default_initializable<D> &&
    (std::is_empty_v<D> || (cereal::traits::is_output_serializable<D, EncodeArchive>::value &&
                            cereal::traits::is_input_serializable<D, DecodeArchive>::value));

/// A dataset that each worker builds for itself: a function and its arguments. Made by recipe().
template <class Result, class... Parameters>
struct Recipe {
  using Function = Result(Parameters...);

  Function* function = nullptr;
  std::tuple<std::decay_t<Parameters>...> arguments;

  Result operator()() const { return std::apply(function, arguments); }
};

/// For datasets that cannot travel themselves: workers call function(arguments...), as the trainer does once to learn
/// the size. Arguments are any types the codec knows.
template <class Result, class... Parameters, class... Arguments>
Recipe<Result, Parameters...> recipe(Result (*function)(Parameters...), Arguments&&... arguments) {
  return {function, {std::forward<Arguments>(arguments)...}};
}

/// How a dataset gets to a worker process: a function of this program that rebuilds it, and what that function reads.
struct TravellingDataset {
  using Rebuild = std::unique_ptr<SampleSource>(DecodeArchive&);

  FunctionRef rebuild;
  Encoded content;
};

namespace detail {

// Indices come as size_t by the dataset concepts; a negative one is told as what it was.
inline void require_index(const char* dataset, size_t index, size_t size) {
  if (index < size) return;
  throw std::out_of_range(std::string(dataset) + ": index " + std::to_string(static_cast<int64_t>(index)) +
                          " is outside a dataset of " + std::to_string(size) + " samples");
}

template <class D>
class DatasetSource final : public SampleSource {
 public:
  explicit DatasetSource(std::shared_ptr<D> dataset) : dataset_(std::move(dataset)) {}

  size_t size() const override { return static_cast<size_t>(dataset_->size()); }

  const SampleSpec& spec() override {
    if (!spec_) spec_ = find_spec();
    return *spec_;
  }

  void read(size_t index, SampleRow& row, SampleContext& context) override {
    if constexpr (InPlaceDataset<D>)
      dataset_->read(index, row, context);
    else
      collate::write_sample(row, get(index, context));
  }

  std::string describe(size_t index) const override {
    if constexpr (requires { std::string(dataset_->describe(index)); })
      return std::string(dataset_->describe(index));
    else
      return {};
  }

  std::unique_ptr<SampleSource> clone() const override {
    if constexpr (std::copy_constructible<D>)
      return std::make_unique<DatasetSource>(std::make_shared<D>(*dataset_));
    else
      return std::make_unique<DatasetSource>(dataset_);
  }

 private:
  SampleSpec find_spec() {
    if constexpr (InPlaceDataset<D>) {
      return dataset_->spec();
    } else {
      SampleContext context(0, -1);
      return collate::spec_of(get(0, context));
    }
  }

  auto get(size_t index, SampleContext& context) {
    if constexpr (requires { dataset_->get(index, context); })
      return dataset_->get(index, context);
    else
      return dataset_->get(index);
  }

  std::shared_ptr<D> dataset_;
  std::optional<SampleSpec> spec_;
};

template <class D>
std::unique_ptr<SampleSource> make_source(D dataset) {
  return std::make_unique<DatasetSource<D>>(std::make_shared<D>(std::move(dataset)));
}

template <class D>
std::unique_ptr<SampleSource> rebuild_dataset(DecodeArchive& archive) {
  auto dataset = std::make_shared<D>();
  if constexpr (!std::is_empty_v<D>) archive(*dataset);
  return std::make_unique<DatasetSource<D>>(std::move(dataset));
}

template <class Result, class... Parameters>
std::unique_ptr<SampleSource> rebuild_recipe(DecodeArchive& archive) {
  FunctionRef function;
  Recipe<Result, Parameters...> recipe;
  archive(function, recipe.arguments);
  recipe.function = resolve<typename Recipe<Result, Parameters...>::Function>(function);
  return make_source(recipe());
}

/// The dataset as it travels, or nothing when it cannot.
template <class D>
std::optional<TravellingDataset> pack(const D& dataset) {
  if constexpr (std::is_empty_v<D> && Travels<D>)
    return TravellingDataset{identify(&rebuild_dataset<D>), {}};
  else if constexpr (Travels<D>)
    return TravellingDataset{identify(&rebuild_dataset<D>), encode(dataset)};
  else
    return std::nullopt;
}

template <class Result, class... Parameters>
TravellingDataset pack(const Recipe<Result, Parameters...>& recipe) {
  return {identify(&rebuild_recipe<Result, Parameters...>), encode(identify(recipe.function), recipe.arguments)};
}

}  // namespace detail
}  // namespace millrace
