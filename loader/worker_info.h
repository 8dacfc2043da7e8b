#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace millrace {

/// Who a worker is, for its init function and for datasets. As PyTorch's WorkerInfo.
struct WorkerInfo {
  int id = 0;
  int num_workers = 0;

  /// The worker's seed: PyTorch's base_seed + id with SeedMode::kTorch, else a function of the loader's seed. Samples
  /// have no use for it: their random streams are in their context.
  uint64_t seed = 0;

  /// The four words with which PyTorch seeds NumPy in this worker (torch/utils/data/_utils/worker.py).
  std::array<uint32_t, 4> numpy_seed() const;
};

/// The worker that calls; nullopt outside of workers, and always where num_workers is 0. As PyTorch's
/// get_worker_info().
std::optional<WorkerInfo> get_worker_info();

/// A function that runs in each worker before its first sample, also in one that replaces a dead one. It is a function
/// or a lambda without captures. What it throws is the error of the batch at hand, and it is called again for the next
/// one. With SeedMode::kTorch and without persistent_workers it runs in each epoch, in which PyTorch's workers are new.
using WorkerInitFunction = void (*)(const WorkerInfo&);

namespace detail {

void set_worker_info(const WorkerInfo& info);

/// How often get_worker_info() was called in this thread.
uint64_t worker_info_looks();

/// The workers among which the calling one is; 0 outside of workers.
int workers_beside();

/// torch 2.11's _generate_state(base_seed, worker_id).
std::array<uint32_t, 4> numpy_state(uint64_t base_seed, uint64_t worker);

}  // namespace detail
}  // namespace millrace
