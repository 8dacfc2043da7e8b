#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// What a loader has done since it was made.
struct LoaderStats {
  uint64_t batches = 0;        ///< Batches delivered.
  uint64_t samples = 0;        ///< Samples in those batches.
  uint64_t sample_errors = 0;  ///< Samples that could not be read: each lost its batch, was skipped or replaced.
  uint64_t skipped_samples = 0;
  uint64_t replaced_samples = 0;
  uint64_t retried_samples = 0;  ///< Samples read again, since the worker that was to read them had died.
  uint64_t damaged_jpegs = 0;    ///< JPEGs read with pixels lost (DamagedJpegs::kRead), also for batches never given.
  uint64_t spilled_batches = 0;  ///< Batches larger than a slot, and therefore copied on their way.
  uint64_t kept_batches = 0;     ///< Batches copied out of their slots, since others were held (kept_bytes).
  uint64_t worker_deaths = 0;    ///< Worker processes that died unasked. Each was replaced.
  uint64_t pinned_bytes = 0;     ///< Bytes of the loader's memory that are page-locked for devices.
  std::string pin_error;         ///< Why no memory is page-locked, though it should be.
  uint64_t device_copies = 0;    ///< Batches that the loader brought to its device.
  uint64_t copied_ahead = 0;     ///< Batches whose copy to the device began before their turn.
  std::string last_error;        ///< What the last of the sample errors said.
  double wait_seconds = 0;       ///< Seconds inside next() with no batch ready: what the trainer waited for data.
};

}  // namespace millrace
