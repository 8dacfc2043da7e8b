#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/samplers/drawn_order.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

/// The given indices in random order, each once an epoch; index for index PyTorch's SubsetRandomSampler (torch 2.11,
/// torch/utils/data/sampler.py).
class SubsetRandomSampler {
 public:
  /// Epoch e is what PyTorch draws from `torch.Generator().manual_seed(seed + e)`.
  explicit SubsetRandomSampler(std::vector<int64_t> indices, uint64_t seed = 0);

  /// Draws from `generator`, whose stream goes on from one epoch to the next as it does in PyTorch. (PyTorch without a
  /// generator draws from the global one, at::detail::getDefaultCPUGenerator().) Copies share the generator. Throws
  /// std::invalid_argument when it is undefined.
  SubsetRandomSampler(std::vector<int64_t> indices, at::Generator generator);

  int64_t size() const { return order_.size(); }
  void set_epoch(int64_t epoch) { order_.set_epoch(epoch); }
  std::optional<int64_t> next();

  SamplerState state() const { return order_.state(); }
  void load_state(const SamplerState& state);

 private:
  at::Tensor draw(at::Generator& generator) const;

  std::vector<int64_t> indices_;
  DrawnOrder order_;  // The order in which the elements of indices_ are given.
};

static_assert(Sampler<SubsetRandomSampler> && Resumable<SubsetRandomSampler>);

}  // namespace millrace
