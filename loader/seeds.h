#pragma once

#include <cstdint>

#include "millrace/samplers/scatter.h"

namespace millrace {

/// The seed of a sample's random stream: a pure function of the loader's seed, the epoch and the sample's position in
/// the epoch's order. Neither workers nor time nor crashes come into it, so batches are the same for any number of
/// workers.
constexpr uint64_t sample_seed(uint64_t seed, int64_t epoch, int64_t position) {
  // Three rounds of SplitMix64's bijection: each input is scattered before the next one is added.
  const uint64_t of_epoch = split_mix(split_mix(seed) + static_cast<uint64_t>(epoch));
  return split_mix(of_epoch + static_cast<uint64_t>(position));
}

}  // namespace millrace
