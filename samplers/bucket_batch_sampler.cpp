#include "millrace/samplers/bucket_batch_sampler.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/scatter.h"

namespace millrace {
namespace {

[[noreturn]] void refuse_buckets(const std::string& why) { throw std::invalid_argument("BucketBatchSampler: " + why); }

void check(std::span<const int64_t> lengths, const BucketBatchSamplerOptions& options) {
  if (options.batch_size <= 0)
    refuse_buckets("batch_size should be a positive integer value, but got batch_size=" +
                   std::to_string(options.batch_size));
  if (options.max_padded && *options.max_padded <= 0)
    refuse_buckets("max_padded should be a positive integer value, but got max_padded=" +
                   std::to_string(*options.max_padded));
  for (size_t b = 1; b < options.boundaries.size(); ++b)
    if (options.boundaries[b - 1] >= options.boundaries[b])
      refuse_buckets("boundaries must ascend, but " + std::to_string(options.boundaries[b]) + " follows " +
                     std::to_string(options.boundaries[b - 1]));
  for (size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] < 0)
      refuse_buckets("lengths[" + std::to_string(i) + "] is " + std::to_string(lengths[i]) + ", less than 0");
}

}  // namespace

std::vector<int64_t> even_boundaries(std::span<const int64_t> lengths, int64_t num_buckets) {
  if (num_buckets <= 0)
    throw std::invalid_argument("even_boundaries: num_buckets should be a positive integer value, but got " +
                                std::to_string(num_buckets));
  std::vector<int64_t> sorted(lengths.begin(), lengths.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> boundaries;
  if (sorted.empty()) return boundaries;
  for (int64_t b = 1; b < num_buckets; ++b) {
    const int64_t boundary = sorted[static_cast<size_t>(std::ssize(sorted) * b / num_buckets)];
    // One that is no longer than all lengths, or that was there before, would make an empty bucket.
    if (boundary > (boundaries.empty() ? sorted.front() : boundaries.back())) boundaries.push_back(boundary);
  }
  return boundaries;
}

BucketBatchSampler::BucketBatchSampler(std::span<const int64_t> lengths, BucketBatchSamplerOptions options)
    : options_(std::move(options)) {
  check(lengths, options_);
  buckets_.resize(options_.boundaries.size() + 1);
  std::vector<int64_t> longest(buckets_.size(), 0);
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto& boundaries = options_.boundaries;
    const auto b =
        static_cast<size_t>(std::upper_bound(boundaries.begin(), boundaries.end(), lengths[i]) - boundaries.begin());
    buckets_[b].samples.push_back(static_cast<int64_t>(i));
    longest[b] = std::max(longest[b], lengths[i]);
  }
  for (size_t b = 0; b < buckets_.size(); ++b) {
    buckets_[b].batch_size = options_.batch_size;
    if (options_.max_padded && longest[b] > 0)
      buckets_[b].batch_size = std::clamp<int64_t>(*options_.max_padded / longest[b], 1, options_.batch_size);
    num_batches_ += batches_of(buckets_[b]);
  }
}

int64_t BucketBatchSampler::batches_of(const Bucket& bucket) const {
  const int64_t n = std::ssize(bucket.samples);
  return n / bucket.batch_size + (!options_.drop_last && n % bucket.batch_size != 0 ? 1 : 0);
}

void BucketBatchSampler::set_epoch(int64_t epoch) {
  at_ = {epoch, 0};
  order_.clear();
  batches_.clear();
}

bool BucketBatchSampler::next(std::vector<int64_t>& batch) {
  batch.clear();
  if (at_.position == num_batches_) return false;
  if (batches_.empty()) arrange();
  const Range range = batches_[static_cast<size_t>(at_.position++)];
  batch.assign(order_.begin() + range.first, order_.begin() + range.first + range.count);
  return true;
}

std::optional<std::vector<int64_t>> BucketBatchSampler::next() {
  std::vector<int64_t> batch;
  if (!next(batch)) return std::nullopt;
  return batch;
}

void BucketBatchSampler::load_state(const SamplerState& state) {
  require_position("BucketBatchSampler", state.position, num_batches_);
  set_epoch(state.epoch);
  at_.position = state.position;
}

void BucketBatchSampler::arrange() {
  const uint64_t of_epoch = scatter(options_.seed, static_cast<uint64_t>(at_.epoch));
  std::vector<Range> batches;
  for (const auto& bucket : buckets_) {
    const int64_t n = std::ssize(bucket.samples);
    const int64_t first = std::ssize(order_);
    const KeyedPermutation shuffled(n, scatter(of_epoch, static_cast<uint64_t>(first)));
    for (int64_t i = 0; i < n; ++i)
      order_.push_back(bucket.samples[static_cast<size_t>(options_.shuffle ? shuffled(i) : i)]);
    for (int64_t b = 0; b < batches_of(bucket); ++b)
      batches.push_back({first + b * bucket.batch_size, std::min(bucket.batch_size, n - b * bucket.batch_size)});
  }
  const KeyedPermutation shuffled(num_batches_, scatter(of_epoch, uint64_t{1} << 63));
  for (int64_t b = 0; b < num_batches_; ++b)
    batches_.push_back(batches[static_cast<size_t>(options_.shuffle ? shuffled(b) : b)]);
}

}  // namespace millrace
