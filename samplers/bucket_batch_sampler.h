#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "millrace/samplers/sampler.h"

namespace millrace {

struct BucketBatchSamplerOptions {
  int64_t batch_size = 1;  ///< Samples a batch, at most.

  /// The most elements in a batch once its samples are padded to the longest of their bucket, so that short samples
  /// come in larger batches. A sample that is longer makes a batch by itself.
  std::optional<int64_t> max_padded = std::nullopt;

  /// Where buckets begin: bucket b has the lengths from boundaries[b - 1] to boundaries[b] - 1, and the last bucket
  /// those from the last boundary on (tf.data's bucket_boundaries). See even_boundaries().
  std::vector<int64_t> boundaries = {};

  bool shuffle = true;  ///< Shuffle batches, and samples within their bucket; else buckets and samples ascend.
  uint64_t seed = 0;
  bool drop_last = false;  ///< Leave out the last batch of a bucket where it is not full.
};

/// Boundaries that put about equally many of `lengths` into each of `num_buckets` buckets (fewer where lengths are
/// equal). Throws std::invalid_argument when num_buckets is not positive.
std::vector<int64_t> even_boundaries(std::span<const int64_t> lengths, int64_t num_buckets);

/// Batches of samples of similar length, so that little of a padded batch is padding.
///
/// Each sample comes once an epoch (but for drop_last). An epoch is a function of lengths, options and epoch alone, and
/// all epochs have the same number of batches. The sampler holds 8 bytes a sample; from an epoch's first batch on, 8
/// more a sample and 16 a batch.
class BucketBatchSampler {
 public:
  /// `lengths[i]` is the length of sample i, in any unit. Throws std::invalid_argument when batch_size or
  /// max_padded is not positive, a length is negative, or boundaries do not ascend.
  BucketBatchSampler(std::span<const int64_t> lengths, BucketBatchSamplerOptions options);

  /// Batches an epoch.
  int64_t size() const { return num_batches_; }
  void set_epoch(int64_t epoch);

  /// Replaces the contents of `batch` by the next batch. False, with `batch` empty, at the end of the epoch.
  bool next(std::vector<int64_t>& batch);
  std::optional<std::vector<int64_t>> next();

  /// The state, whose position counts batches.
  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state);

 private:
  struct Bucket {
    std::vector<int64_t> samples;  // Ascending.
    int64_t batch_size = 1;
  };
  struct Range {
    int64_t first = 0;  // Place of its first sample in order_.
    int64_t count = 0;
  };

  int64_t batches_of(const Bucket& bucket) const;
  void arrange();

  BucketBatchSamplerOptions options_;
  std::vector<Bucket> buckets_;
  int64_t num_batches_ = 0;
  std::vector<int64_t> order_;  // This epoch's samples, batch after batch of each bucket; empty before the first batch.
  std::vector<Range> batches_;  // The epoch's batches, in the order in which they are given.
  SamplerState at_;
};

static_assert(SamplerOfBatches<BucketBatchSampler> && Resumable<BucketBatchSampler>);

}  // namespace millrace
