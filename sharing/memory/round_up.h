#pragma once

#include <cstddef>

namespace millrace {

/// The least multiple of `unit` that is not below `bytes`.
constexpr size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// What the kernel maps at once where it may.
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace millrace
