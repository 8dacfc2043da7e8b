#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sampler_name.h"

namespace millrace {

/// Groups the indices of another sampler into batches, in order. As in PyTorch, a last batch of fewer than batch_size
/// indices is given or, with drop_last, taken from the sampler and dropped.
template <Sampler S>
class BatchSampler {
 public:
  /// Throws std::invalid_argument when batch_size is not positive.
  BatchSampler(S sampler, int64_t batch_size, bool drop_last)
      : sampler_(std::move(sampler)), batch_size_(batch_size), drop_last_(drop_last) {
    if (batch_size <= 0)
      throw std::invalid_argument("BatchSampler: batch_size should be a positive integer value, but got batch_size=" +
                                  std::to_string(batch_size));
  }

  /// Batches an epoch.
  int64_t size() const {
    const int64_t n = sampler_.size();
    return n / batch_size_ + (!drop_last_ && n % batch_size_ != 0 ? 1 : 0);
  }

  int64_t epoch() const { return epoch_of(sampler_); }
  void set_epoch(int64_t epoch) { sampler_.set_epoch(epoch); }

  /// Replaces the contents of `batch` by the next batch, without an allocation once it has the capacity. False, with
  /// `batch` empty, at the end of the epoch.
  bool next(std::vector<int64_t>& batch) {
    batch.clear();
    while (std::ssize(batch) < batch_size_) {
      const auto index = sampler_.next();
      if (!index) break;
      batch.push_back(*index);
    }
    if (drop_last_ && std::ssize(batch) < batch_size_) batch.clear();
    return !batch.empty();
  }

  std::optional<std::vector<int64_t>> next() {
    std::vector<int64_t> batch;
    if (!next(batch)) return std::nullopt;
    return batch;
  }

  static constexpr PositionUnit kPositionUnit = PositionUnit::kIndices;

  /// The inner sampler's state. Its position counts indices, so that another batch_size may go on from it.
  SamplerState state() const
    requires Resumable<S> {
    return sampler_.state();
  }
  void load_state(const SamplerState& state)
    requires Resumable<S> {
    sampler_.load_state(state);
  }

  /// The inner sampler's name alone, since the cutting of its indices into batches may change.
  std::string name() const { return sampler_name(sampler_); }

  int64_t batch_size() const { return batch_size_; }
  bool drop_last() const { return drop_last_; }
  const S& sampler() const { return sampler_; }

 private:
  S sampler_;
  int64_t batch_size_;
  bool drop_last_;
};

}  // namespace millrace
