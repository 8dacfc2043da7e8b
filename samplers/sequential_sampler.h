#pragma once

#include <cstdint>
#include <optional>

#include "millrace/samplers/sampler.h"

namespace millrace {

/// The indices 0, 1, …, n - 1 in every epoch.
class SequentialSampler {
 public:
  /// Throws std::invalid_argument when n is negative.
  explicit SequentialSampler(int64_t n);

  int64_t size() const { return n_; }
  void set_epoch(int64_t epoch) { at_ = {epoch, 0}; }
  std::optional<int64_t> next();

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state);

 private:
  int64_t n_;
  SamplerState at_;
};

static_assert(Sampler<SequentialSampler> && Resumable<SequentialSampler>);

}  // namespace millrace
