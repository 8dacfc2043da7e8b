#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "millrace/samplers/epoch_generator.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

struct RandomSamplerOptions {
  bool replacement = false;                           ///< Draw with replacement instead of permuting.
  std::optional<int64_t> num_samples = std::nullopt;  ///< Indices an epoch, which may exceed n; n when not given.
  uint64_t seed = 0;                                  ///< Seeds the order; without use where a generator is given.
};

/// Random order, index for index that of PyTorch's RandomSampler (torch 2.11, torch/utils/data/sampler.py).
///
/// Without replacement an epoch is num_samples / n whole permutations of 0..n-1 and the beginning of one more; with
/// replacement it is num_samples draws, made 32 at a time as PyTorch makes them. From the first next() of an epoch to
/// its end the sampler holds one permutation (8 n bytes), or 32 indices, and nothing else that grows with n. Copy it
/// between epochs: a copy made within one shares the draws that are still to come.
class RandomSampler {
 public:
  /// Epoch e is what PyTorch draws from `torch.Generator().manual_seed(seed + e)`: a function of seed and epoch alone.
  ///
  /// Throws std::invalid_argument when num_samples (or n, where it stands for it) or n is not positive.
  explicit RandomSampler(int64_t n, RandomSamplerOptions options = {});

  /// Draws from `generator`, whose stream goes on from one epoch to the next as it does in PyTorch: without
  /// replacement, the end of an epoch of whole permutations costs one more permutation, which is thrown away.
  /// set_epoch() begins the next pass at the point that the stream has reached; it cannot go back. Copies share the
  /// generator. Throws as above, and when the generator is undefined.
  RandomSampler(int64_t n, at::Generator generator, RandomSamplerOptions options = {});

  int64_t size() const { return num_samples_; }
  void set_epoch(int64_t epoch);
  std::optional<int64_t> next();

  /// The state. Of a sampler with a generator it holds that generator's state at the epoch's first draw, to be set
  /// back.
  SamplerState state() const;

  /// Goes to where `state` says. Draws the epoch again up to the position, a permutation or 32 integers at a time.
  void load_state(const SamplerState& state);

 private:
  RandomSampler(int64_t n, EpochGenerator generator, const RandomSamplerOptions& options);

  bool refill();

  int64_t n_;
  int64_t num_samples_;
  bool replacement_;
  EpochGenerator generator_;
  at::Tensor drawn_;                 // The permutation or chunk that indices are taken from.
  const int64_t* values_ = nullptr;  // The elements of drawn_.
  int64_t position_ = 0;             // The place of the next index in drawn_.
  int64_t available_ = 0;            // How many elements of drawn_ belong to the epoch.
  int64_t remaining_ = 0;            // Indices of the epoch that come after drawn_.
  bool finished_ = false;
};

static_assert(Sampler<RandomSampler> && Resumable<RandomSampler>);

}  // namespace millrace
