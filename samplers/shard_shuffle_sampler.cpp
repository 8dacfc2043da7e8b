#include "millrace/samplers/shard_shuffle_sampler.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/samplers/scatter.h"

namespace millrace {
namespace {

// The purposes of keys, so that the order of shards and the orders of samples have nothing in common.
enum Purpose : uint64_t { kShards, kSamples };

uint64_t key(uint64_t seed, int64_t epoch, Purpose purpose) {
  return scatter(seed, static_cast<uint64_t>(epoch), purpose);
}

}  // namespace

ShardShuffleSampler::ShardShuffleSampler(std::vector<int64_t> shard_sizes, ShardShuffleSamplerOptions options)
    : shard_ends_(std::move(shard_sizes)), options_(options), shards_(0, 0) {
  if (options_.open_shards <= 0)
    throw std::invalid_argument("ShardShuffleSampler: open_shards should be a positive integer value, but got " +
                                std::to_string(options_.open_shards));
  int64_t end = 0;
  for (size_t s = 0; s < shard_ends_.size(); ++s) {
    if (shard_ends_[s] < 0)
      throw std::invalid_argument("ShardShuffleSampler: shard_sizes[" + std::to_string(s) + "] is " +
                                  std::to_string(shard_ends_[s]) + ", less than 0");
    shard_ends_[s] = end += shard_ends_[s];
  }
  set_epoch(0);
}

void ShardShuffleSampler::set_epoch(int64_t epoch) {
  at_ = {epoch, 0};
  shards_ = KeyedPermutation(num_shards(), key(options_.seed, epoch, kShards));
  group_ = {};
}

std::optional<int64_t> ShardShuffleSampler::next() {
  if (at_.position == size()) return std::nullopt;
  while (at_.position == group_.begin + group_.order.size()) group_ = group_at(group_.end_turn, at_.position);
  return sample(group_.order(at_.position++ - group_.begin));
}

void ShardShuffleSampler::load_state(const SamplerState& state) {
  require_position("ShardShuffleSampler", state.position, size());
  set_epoch(state.epoch);
  while (group_.begin + group_.order.size() < state.position)
    group_ = group_at(group_.end_turn, group_.begin + group_.order.size());
  at_.position = state.position;
}

int64_t ShardShuffleSampler::shard_begin(int64_t shard) const {
  return shard == 0 ? 0 : shard_ends_[static_cast<size_t>(shard) - 1];
}

int64_t ShardShuffleSampler::shard_size(int64_t shard) const {
  return shard_ends_[static_cast<size_t>(shard)] - shard_begin(shard);
}

ShardShuffleSampler::Group ShardShuffleSampler::group_at(int64_t first_turn, int64_t begin) const {
  const int64_t end_turn = first_turn + std::min(options_.open_shards, num_shards() - first_turn);
  int64_t samples = 0;
  for (int64_t turn = first_turn; turn < end_turn; ++turn) samples += shard_size(shards_(turn));
  const uint64_t of_group = scatter(key(options_.seed, at_.epoch, kSamples), static_cast<uint64_t>(first_turn));
  return {first_turn, end_turn, begin, KeyedPermutation(samples, of_group)};
}

// Element number `element` of the open shards' samples, in the order of the shards' turns.
int64_t ShardShuffleSampler::sample(int64_t element) const {
  for (int64_t turn = group_.first_turn;; ++turn) {
    const int64_t shard = shards_(turn);
    if (element < shard_size(shard)) return shard_begin(shard) + element;
    element -= shard_size(shard);
  }
}

}  // namespace millrace
