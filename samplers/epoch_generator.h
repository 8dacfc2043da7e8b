#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <string_view>

#include "millrace/samplers/sampler_state.h"

namespace millrace {

/// Where a sampler's draws come from: either a generator of the caller's, whose stream goes on from epoch to epoch, or
/// one that is made anew for each epoch as PyTorch's `torch.Generator().manual_seed(seed + epoch)`.
///
/// A part of samplers. Nothing is drawn, made or asked of the caller's generator before begin().
class EpochGenerator {
 public:
  explicit EpochGenerator(uint64_t seed) : seed_(seed) {}

  /// Shares `generator`. Throws std::invalid_argument, in the name of `sampler`, when it is undefined.
  EpochGenerator(at::Generator generator, std::string_view sampler);

  /// Shares the global generator, which torch.manual_seed() seeds.
  static EpochGenerator of_global();

  /// True when the stream is the caller's, so that others see what is drawn from it.
  bool is_shared() const { return shared_.defined(); }

  int64_t epoch() const { return epoch_; }
  void set_epoch(int64_t epoch);

  /// Begins this epoch, and gives the generator to draw it from.
  at::Generator& begin();

  /// The state of a sampler that has given `position` indices of this epoch.
  SamplerState state(int64_t position) const;

  /// Goes to the start of the state's epoch: the draws that follow begin() are those that followed it then. A shared
  /// generator is set back for everybody. Throws std::invalid_argument, in the name of `sampler`, when one of the two
  /// has a seed and the other a shared generator, or when the generators are of different kinds.
  void load_state(const SamplerState& state, std::string_view sampler);

 private:
  at::Generator shared_;
  uint64_t seed_ = 0;
  int64_t epoch_ = 0;
  at::Generator current_;               // Undefined before begin().
  std::vector<uint8_t> shared_before_;  // The shared generator's state at begin().
};

}  // namespace millrace
