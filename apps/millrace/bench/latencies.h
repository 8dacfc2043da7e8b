#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::apps {

/// How often which duration was seen, in as much memory for a million as for ten. Durations of up to 64 ns are told
/// apart by the nanosecond, longer ones by a part in 32; the shortest and the longest are kept as they are. Not
/// thread-safe.
class Latencies {
 public:
  /// Counts one. Less than nothing counts as nothing, more than a day as a day.
  void add(double seconds);

  /// Counts all that others counted.
  void add(const Latencies& others);

  uint64_t count() const { return count_; }

  /// The duration that a share `q` of all is not longer than, in seconds (nearest rank; the middle of a bucket). 0 when
  /// nothing was counted.
  double quantile(double q) const;

  double longest() const;  ///< In seconds.

  /// A bucket that something is in: the middle of its durations in seconds, and how many there were.
  struct Bucket {
    double seconds;
    uint64_t count;
  };
  std::vector<Bucket> buckets() const;  ///< In rising order.

 private:
  static constexpr int kBits = 5;                // Of a duration that its bucket has, beside the highest.
  static constexpr size_t kSteps = 1U << kBits;  // Buckets of durations with the same highest bit.
  static constexpr int kOctaves = 47;            // 2^47 ns are 39 hours.

  static size_t bucket_of(uint64_t ns);
  double middle_of(size_t bucket) const;

  std::array<uint64_t, kSteps*(kOctaves - kBits + 1)> counts_{};
  uint64_t count_ = 0;
  uint64_t shortest_ns_ = UINT64_MAX;
  uint64_t longest_ns_ = 0;
};

}  // namespace millrace::apps
