#pragma once

#include <cstdint>
#include <limits>

#include "millrace/samplers/scatter.h"

namespace millrace {

/// The random stream of one sample: a 64-bit counter generator (SplitMix64; Steele, Lea, Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
///
/// A value type of eight bytes. Seeded from (seed, epoch, position of the sample in the epoch) alone, see seeds.h, so
/// what a sample looks like does not depend on the worker that reads it, on the number of workers or on crashes. The
/// draws are defined here bit by bit and do not use <random>, whose distributions differ between standard libraries.
class SampleRng {
 public:
  using result_type = uint64_t;

  explicit SampleRng(uint64_t seed) : state_(seed) {}

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return std::numeric_limits<uint64_t>::max(); }

  uint64_t operator()() {
    state_ += kSplitMixStep;
    return split_mix(state_);
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform over the integers low..high, both included. REQUIRES: low <= high.
  int64_t integer(int64_t low, int64_t high) {
    const auto range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    if (range == 0) return static_cast<int64_t>((*this)());
    return static_cast<int64_t>(static_cast<uint64_t>(low) + below((*this)(), range));
  }

  /// True with probability p.
  bool chance(double p) { return uniform() < p; }

 private:
  uint64_t state_;
};

}  // namespace millrace
