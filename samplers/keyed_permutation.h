#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/samplers/sampler.h"

namespace millrace {

/// A permutation of 0 .. n - 1 that is computed, element by element, from a key: no table, whatever n.
///
/// An alternating Feistel network of 8 to 24 rounds on the ceil(log2 n) bits of an element, walked along its cycle
/// until it comes back inside the range: fewer than two steps on average, since the bits hold fewer than 2 n numbers.
/// Source: J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002 (the cycle-walking and the
/// generalized-Feistel cipher); M. Luby, C. Rackoff, "How to Construct Pseudorandom Permutations from Pseudorandom
/// Functions", SIAM J. Comput. 17(2), 1988. Our round function is scatter() and no cipher: this shuffles, it does not
/// hide.
///
/// A value of 216 bytes. Any thread may use it.
class KeyedPermutation {
 public:
  /// Throws std::invalid_argument when n is negative or above 2^62.
  KeyedPermutation(int64_t n, uint64_t key);

  int64_t size() const { return n_; }

  /// The element at `position`. A bijection. REQUIRES: 0 <= position < size().
  int64_t operator()(int64_t position) const;

 private:
  static constexpr size_t kMostRounds = 24;

  uint64_t encipher(uint64_t element) const;

  int64_t n_;
  int low_bits_ = 1;  // Lower bits of an element: half of all, rounded down.
  int high_bits_ = 1;
  size_t rounds_ = kMostRounds;
  std::array<uint64_t, kMostRounds> round_keys_{};  // One for each round; those behind the first rounds_ are not used.
};

/// Every index once an epoch in a shuffled order, in no memory that grows with n: for a billion samples, where a
/// permutation in memory would take 8 GB a process. Any position of any epoch is reached at once.
///
/// The order for a seed is not PyTorch's (RandomSampler's is), and most of the n! orders cannot come up.
class KeyedPermutationSampler {
 public:
  /// Epoch e's order is a function of n, seed and e alone. Throws as KeyedPermutation.
  explicit KeyedPermutationSampler(int64_t n, uint64_t seed = 0);

  int64_t size() const { return permutation_.size(); }
  void set_epoch(int64_t epoch);
  std::optional<int64_t> next();

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state);

 private:
  uint64_t seed_;
  KeyedPermutation permutation_;  // The order of at_.epoch.
  SamplerState at_;
};

static_assert(Sampler<KeyedPermutationSampler> && Resumable<KeyedPermutationSampler>);

}  // namespace millrace
