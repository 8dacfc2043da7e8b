#pragma once

#include <cstddef>

namespace fake_cuda {

/// Whether all of it is host memory that was registered (pinned) with the driver.
bool is_registered(const void* memory, size_t bytes);

}  // namespace fake_cuda
