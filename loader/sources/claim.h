#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

/// Samples of a batch that one worker has taken to read: a range of a slot.
struct Claim {
  size_t slot = 0;
  size_t range = 0;
  uint32_t generation = 0;  ///< The slot's generation.
  uint32_t first = 0;       ///< Samples [first, last) of the batch.
  uint32_t last = 0;
  uint64_t base_seed = 0;  ///< The base seed that the slot was opened with.
};

}  // namespace millrace
