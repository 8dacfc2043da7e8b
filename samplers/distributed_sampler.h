#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "millrace/samplers/epoch_generator.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

struct DistributedSamplerOptions {
  int64_t rank = 0;          ///< This process's number, 0 .. num_replicas - 1.
  int64_t num_replicas = 1;  ///< Processes that share the epoch.
  bool shuffle = true;
  uint64_t seed = 0;       ///< The same on all ranks.
  bool drop_last = false;  ///< Leave out the last samples, rather than give some twice, where ranks don't divide.
};

/// One rank's share of an epoch; index for index PyTorch's DistributedSampler (torch 2.11,
/// torch/utils/data/distributed.py). The order is what `torch.Generator().manual_seed(seed + epoch)` permutes (or 0, 1,
/// …), padded from its own start or truncated to a multiple of num_replicas. Rank r takes elements r, r + num_replicas,
/// … of it.
///
/// Distributed (distributed.h) is for any other order than PyTorch's, and for evaluation, where no sample may come
/// twice.
///
/// All ranks must be told the same epoch, which a loader does by itself.
class DistributedSampler {
 public:
  /// Throws std::invalid_argument when size is negative, num_replicas not positive, or rank outside it.
  explicit DistributedSampler(int64_t size, DistributedSamplerOptions options = {});

  /// Indices an epoch of this rank; every rank has as many.
  int64_t size() const { return shares(0); }
  void set_epoch(int64_t epoch);
  std::optional<int64_t> next();

  /// The state, which is the same on all ranks. Its position counts the samples of the epoch's order that all ranks
  /// together have given, supposing that each has given as many as this one. It is at most the number of samples, and
  /// says nothing of the number of ranks.
  ///
  /// Any number of ranks may load it. Each then takes its share of what is left: rank r elements r, r + num_replicas, …
  /// of it. Together they visit each sample that is left exactly once. Only at the very end is the order padded, from
  /// its own start as ever, or truncated, to divide by the new number of ranks. So what drop_last left out at the end
  /// of an epoch of many ranks may still be given by fewer. size() remains that of a whole epoch.
  SamplerState state() const;
  void load_state(const SamplerState& state);

 private:
  int64_t shares(int64_t start) const;

  int64_t n_;
  DistributedSamplerOptions options_;
  EpochGenerator generator_;
  at::Tensor order_;       // Defined from an epoch's first index on, when it is shuffled.
  int64_t start_ = 0;      // Where in the order of all ranks this epoch's sharing began: 0 unless resumed.
  int64_t given_ = 0;      // Indices that this rank has given since.
  int64_t available_ = 0;  // Indices that this rank gives from start_ on.
};

static_assert(Sampler<DistributedSampler> && Resumable<DistributedSampler>);

}  // namespace millrace
