#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/source.h"

// The questions that sources of every kind ask of their dataset.
namespace millrace::detail {

template <class D>
size_t size_of(D& dataset) {
  if constexpr (requires {
                  { dataset.size() } -> std::convertible_to<size_t>;
                })
    return static_cast<size_t>(dataset.size());
  else
    return std::optional<size_t>(dataset.size()).value_or(kUnknownSize);
}

template <class D>
std::string describe(const D& dataset, size_t index) {
  if constexpr (Describes<D>)
    return std::string(dataset.describe(index));
  else
    return {};
}

/// The dataset for another worker thread.
template <class D>
std::shared_ptr<D> clone(const std::shared_ptr<D>& dataset) {
  if constexpr (std::copy_constructible<D>)
    return std::make_shared<D>(*dataset);
  else
    return dataset;
}

}  // namespace millrace::detail
