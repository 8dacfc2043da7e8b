#pragma once

#include <cstdint>
#include <type_traits>

namespace millrace::collate {

template <class T>
concept Number = std::is_arithmetic_v<T>;

/// What a number becomes in a batch.
template <Number T>
using BatchNumber =
    std::conditional_t<std::is_same_v<T, bool>, bool, std::conditional_t<std::is_floating_point_v<T>, double, int64_t>>;

}  // namespace millrace::collate
