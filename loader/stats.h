#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// What a loader has done since it was made.
struct LoaderStats {
  uint64_t batches = 0;        ///< Delivered.
  uint64_t samples = 0;        ///< In those batches.
  uint64_t sample_errors = 0;  ///< Samples that could not be read: each lost its batch, was skipped or replaced.
  uint64_t skipped_samples = 0;
  uint64_t replaced_samples = 0;
  uint64_t retried_samples = 0;  ///< Read again, since the worker that was to read them had died.
  uint64_t damaged_jpegs = 0;    ///< Read though pixels are lost (DamagedJpegs::kRead), for batches that were left too.
  uint64_t spilled_batches = 0;  ///< Larger than a slot, and therefore copied on their way.
  uint64_t kept_batches = 0;     ///< Copied out of their slots, since the trainer held others (kept_bytes).
  uint64_t worker_deaths = 0;    ///< Worker processes that died unasked. Each was replaced.
  uint64_t pinned_bytes = 0;     ///< Of the loader's memory, page-locked for devices.
  std::string pin_error;         ///< Why there are none, though there should be.
  uint64_t device_copies = 0;    ///< Batches that the loader brought to its device,
  uint64_t copied_ahead = 0;     ///< those among them whose copy began before their turn.
  std::string last_error;        ///< What the last of the sample errors said.
  double wait_seconds = 0;       ///< Spent inside next() with no batch ready: the time the trainer waited for data.
};

}  // namespace millrace
