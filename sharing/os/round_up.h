#pragma once

#include <concepts>
#include <type_traits>

namespace millrace {

/// The least multiple of `unit` that is not below `value`. REQUIRES: value is not negative, unit is positive.
template <std::integral T>
constexpr T round_up(T value, std::type_identity_t<T> unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace millrace
