#pragma once

#include <cstdint>

#include "millrace/loader/engine/setup.h"
#include "millrace/loader/options.h"
#include "millrace/loader/seeds.h"

namespace millrace {

/// The base seed of an epoch: worker w's generator begins at base() + w. With SeedMode::kPerSample it follows from the
/// loader's seed. With kTorch it is drawn as PyTorch's DataLoader draws it: at the beginning of each epoch, or once
/// where workers are persistent.
class EpochSeeds {
 public:
  explicit EpochSeeds(const DataLoaderOptions& options) : options_(options) {
    if (options.seed_mode() == SeedMode::kPerSample) base_ = split_mix(options.seed());
  }

  uint64_t base() const { return base_; }

  /// Begins an epoch, before its first batch is planned.
  void begin_epoch() {
    if (options_.seed_mode() != SeedMode::kTorch || (drawn_ && options_.persistent_workers())) return;
    base_ = static_cast<uint64_t>(draw_seed(options_.generator()));
    drawn_ = true;
  }

 private:
  const DataLoaderOptions& options_;
  uint64_t base_ = 0;
  bool drawn_ = false;
};

}  // namespace millrace
