#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/sampler.h"

namespace millrace {

struct ShardShuffleSamplerOptions {
  int64_t open_shards = 4;  ///< Shards that are mixed with each other: 1 goes shard by shard.
  uint64_t seed = 0;
};

/// A shuffle for data in shards (tar files, row groups), where every sample is visited once an epoch but only few
/// shards at a time. The shards come in random order, `open_shards` of them together, and the samples of those in
/// random order. What is read at one time then fits the page cache, which a shuffle over all shards defeats.
///
/// Samples are numbered through the shards: shard s has those that follow shard s - 1. An epoch is a function of shard
/// sizes, seed and epoch alone. The sampler holds 8 bytes a shard, and nothing that grows with the samples. Any
/// position of an epoch is reached in time that grows with the shards.
class ShardShuffleSampler {
 public:
  /// `shard_sizes[s]` is the number of samples in shard s. Throws std::invalid_argument when one is negative or
  /// open_shards is not positive.
  explicit ShardShuffleSampler(std::vector<int64_t> shard_sizes, ShardShuffleSamplerOptions options = {});

  int64_t size() const { return shard_ends_.empty() ? 0 : shard_ends_.back(); }
  void set_epoch(int64_t epoch);
  std::optional<int64_t> next();

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state);

 private:
  struct Group {
    int64_t first_turn = 0;  // The group's shards have the turns first_turn .. end_turn - 1 in the epoch.
    int64_t end_turn = 0;
    int64_t begin = 0;  // The group's samples have positions begin .. begin + order.size() - 1.
    KeyedPermutation order{0, 0};
  };

  int64_t num_shards() const { return std::ssize(shard_ends_); }
  int64_t shard_begin(int64_t shard) const;
  int64_t shard_size(int64_t shard) const;
  Group group_at(int64_t first_turn, int64_t begin) const;
  int64_t sample(int64_t element) const;

  std::vector<int64_t> shard_ends_;
  ShardShuffleSamplerOptions options_;
  KeyedPermutation shards_;  // The order of shards in at_.epoch.
  Group group_;              // The shards that are open at at_.position.
  SamplerState at_;
};

static_assert(Sampler<ShardShuffleSampler> && Resumable<ShardShuffleSampler>);

}  // namespace millrace
