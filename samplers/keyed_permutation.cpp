#include "millrace/samplers/keyed_permutation.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/samplers/scatter.h"

namespace millrace {

KeyedPermutation::KeyedPermutation(int64_t n, uint64_t key) : n_(n) {
  if (n < 0 || n > (int64_t{1} << 62))
    throw std::invalid_argument("KeyedPermutation: the number of elements must be 0 to 2^62, but got n=" +
                                std::to_string(n));
  if (n < 2) return;
  const int bits = std::max(2, static_cast<int>(std::bit_width(static_cast<uint64_t>(n) - 1)));
  low_bits_ = bits / 2;
  high_bits_ = bits - low_bits_;
  // Few bits mix slowly: after 8 rounds the 120 orders of 5 elements differ in frequency by 13 %, after 24 by no more
  // than chance (chi-square over 200,000 keys: 3573 and 95, of 119 degrees of freedom).
  constexpr int kFewBits = 10;
  rounds_ = bits < kFewBits ? kMostRounds : 8;
  for (size_t round = 0; round < rounds_; ++round) round_keys_[round] = scatter(key, round);
}

uint64_t KeyedPermutation::encipher(uint64_t element) const {
  const uint64_t low_mask = (uint64_t{1} << low_bits_) - 1;
  const uint64_t high_mask = (uint64_t{1} << high_bits_) - 1;
  uint64_t low = element & low_mask;
  uint64_t high = element >> low_bits_;
  // Each line changes one half by a function of the other, which can be undone: so the whole is a bijection.
  for (size_t round = 0; round < rounds_; round += 2) {
    high ^= scatter(round_keys_[round] + low) & high_mask;
    low ^= scatter(round_keys_[round + 1] + high) & low_mask;
  }
  return (high << low_bits_) | low;
}

int64_t KeyedPermutation::operator()(int64_t position) const {
  if (n_ < 2) return position;
  auto element = static_cast<uint64_t>(position);
  do element = encipher(element);
  while (element >= static_cast<uint64_t>(n_));
  return static_cast<int64_t>(element);
}

KeyedPermutationSampler::KeyedPermutationSampler(int64_t n, uint64_t seed)
    : seed_(seed), permutation_(n, scatter(seed, 0)) {}

void KeyedPermutationSampler::set_epoch(int64_t epoch) {
  permutation_ = KeyedPermutation(size(), scatter(seed_, static_cast<uint64_t>(epoch)));
  at_ = {epoch, 0};
}

std::optional<int64_t> KeyedPermutationSampler::next() {
  if (at_.position == size()) return std::nullopt;
  return permutation_(at_.position++);
}

void KeyedPermutationSampler::load_state(const SamplerState& state) {
  require_position("KeyedPermutationSampler", state.position, size());
  set_epoch(state.epoch);
  at_.position = state.position;
}

}  // namespace millrace
