#pragma once

#include <cstdint>

namespace millrace {

/// What a loader has done since it was made.
struct LoaderStats {
  uint64_t batches = 0;        ///< Delivered.
  uint64_t samples = 0;        ///< In those batches.
  uint64_t sample_errors = 0;  ///< Batches lost to a SampleError.
  uint64_t worker_deaths = 0;  ///< Worker processes that died unasked. Each was replaced.
  double wait_seconds = 0;     ///< Spent inside next() with no batch ready: the time the trainer waited for data.
};

}  // namespace millrace
