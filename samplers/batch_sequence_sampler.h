#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sequence_sampler.h"

namespace millrace {

/// Some batches in some order, each the indices of its samples: what a loader takes for a sampler beside samplers.
template <class R>
concept RangeOfBatches = std::ranges::input_range<R> && RangeOfIndices<std::ranges::range_reference_t<R>>;

/// The given batches in their order, in every epoch (PyTorch's `batch_sampler=[[0, 1, 2], [7, 3]]`), of any sizes.
///
/// A state that is resumed belongs to the same batches: it does not hold them.
class BatchSequenceSampler {
 public:
  explicit BatchSequenceSampler(std::vector<std::vector<int64_t>> batches) : batches_(std::move(batches)) {}
  /// BatchSequenceSampler{{3, 1}, {2}}.
  BatchSequenceSampler(std::initializer_list<std::vector<int64_t>> batches) : batches_(batches) {}

  template <RangeOfBatches R>
  explicit BatchSequenceSampler(R&& batches) {
    for (auto&& batch : batches) {
      auto& indices = batches_.emplace_back();
      for (const auto index : batch) indices.push_back(static_cast<int64_t>(index));
    }
  }

  /// Samples of the largest batch.
  int64_t largest() const {
    int64_t largest = 0;
    for (const auto& batch : batches_) largest = std::max<int64_t>(largest, std::ssize(batch));
    return largest;
  }

  int64_t size() const { return std::ssize(batches_); }
  void set_epoch(int64_t epoch) { at_ = {epoch, 0}; }

  bool next(std::vector<int64_t>& batch) {
    batch.clear();
    if (at_.position == size()) return false;
    batch = batches_[static_cast<size_t>(at_.position++)];
    return true;
  }

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state) {
    require_position("BatchSequenceSampler", state.position, size());
    at_ = state;
  }

 private:
  std::vector<std::vector<int64_t>> batches_;
  SamplerState at_;
};

static_assert(SamplerOfBatches<BatchSequenceSampler> && Resumable<BatchSequenceSampler>);

}  // namespace millrace
