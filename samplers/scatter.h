#pragma once

#include <cstdint>

// Random numbers by counting, for orders that must be the same on every machine and can be entered at any point.
namespace millrace {

/// The step of SplitMix64's count (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
inline constexpr uint64_t kSplitMixStep = 0x9e3779b97f4a7c15ULL;

/// SplitMix64's output function: a bijection of 64 bits that scatters neighbouring inputs. It leaves 0 where it is.
constexpr uint64_t split_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// The number that SplitMix64 in state z gives next.
constexpr uint64_t scatter(uint64_t z) { return split_mix(z + kSplitMixStep); }

/// A key made of several numbers, each scattered before the next is added.
constexpr uint64_t scatter(uint64_t a, uint64_t b) { return scatter(scatter(a) + b); }
constexpr uint64_t scatter(uint64_t a, uint64_t b, uint64_t c) { return scatter(scatter(a, b) + c); }

/// Maps 64 random bits to 0 .. n - 1, by multiplication: the bias is below n / 2^64. REQUIRES: n > 0.
constexpr uint64_t below(uint64_t bits, uint64_t n) {
  __extension__ using Wide = unsigned __int128;  // Not in ISO C++, but in every compiler for our processors.
  return static_cast<uint64_t>((static_cast<Wide>(bits) * n) >> 64);
}

}  // namespace millrace
