#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/samplers/drawn_order.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

/// Indices drawn with probabilities in proportion to their weights; index for index PyTorch's WeightedRandomSampler
/// (torch 2.11, torch/utils/data/sampler.py): one torch.multinomial over the weights as doubles draws the whole epoch.
/// More than 2^24 weights, which PyTorch refuses, are drawn from in the same way by code of ours.
///
/// Copies share the weights (8 bytes each). The sampler holds the num_samples indices of an epoch under way.
class WeightedRandomSampler {
 public:
  /// Weights need not sum to one. Without replacement no index comes twice in an epoch. Epoch e is what PyTorch draws
  /// from `torch.Generator().manual_seed(seed + e)`.
  ///
  /// Throws std::invalid_argument when num_samples is not positive; when a weight is negative, infinite or no number;
  /// when none is positive; and, without replacement, when fewer than num_samples are positive.
  WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement = true,
                        uint64_t seed = 0);

  /// Draws from `generator`, whose stream goes on from one epoch to the next as it does in PyTorch. (PyTorch without a
  /// generator draws from the global one, at::detail::getDefaultCPUGenerator().) Copies share the generator. Throws as
  /// above, and when the generator is undefined.
  WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement,
                        at::Generator generator);

  int64_t size() const { return order_.size(); }
  void set_epoch(int64_t epoch) { order_.set_epoch(epoch); }
  std::optional<int64_t> next();

  SamplerState state() const { return order_.state(); }
  void load_state(const SamplerState& state);

 private:
  WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement,
                        EpochGenerator generator);

  at::Tensor draw(at::Generator& generator) const;

  at::Tensor weights_;
  bool replacement_;
  DrawnOrder order_;
};

static_assert(Sampler<WeightedRandomSampler> && Resumable<WeightedRandomSampler>);

}  // namespace millrace
