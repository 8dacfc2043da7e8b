#pragma once

#include <cstddef>

namespace millrace {

/// The size of a huge page, which the kernel maps at once where it may.
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace millrace
