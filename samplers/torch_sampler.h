#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/epoch_generator.h"
#include "millrace/samplers/sampler.h"

// torch::data's samplers as they are, known by what they can do: torch::data's headers cost seconds a file and are not
// needed.
namespace millrace {

/// What torch::data::samplers::Sampler<> promises. `reset(nullopt)` begins an epoch; `next(n)` gives the next n indices
/// or, at the end of the epoch, the last few and then nullopt. A StreamSampler's next() only says how many they are.
template <class S>
concept TorchDataSampler = std::movable<S> && requires(S sampler, size_t n) {
  sampler.reset(std::optional<size_t>());
  requires std::same_as<decltype(sampler.next(n)), std::optional<std::vector<size_t>>> ||
               std::convertible_to<typename decltype(sampler.next(n))::value_type, size_t>;
};

/// A sampler like torch::data's distributed ones, whose order is a function of the epoch that it was told.
template <class S>
concept TorchDataSamplerOfEpochs =
    TorchDataSampler<S> && requires(S sampler, size_t epoch) { sampler.set_epoch(epoch); };

/// A sampler like torch::data's StreamSampler: gives no indices, only how many examples a batch has.
template <class S>
concept TorchDataSamplerOfSizes = TorchDataSampler<S> && requires(S sampler, size_t n) {
  { *sampler.next(n) } -> std::convertible_to<size_t>;
};

/// How many indices an epoch of `sampler` has, found by going through one. It is for those of torch::data's samplers
/// which do not tell, but whose epochs cost nothing.
template <class S>
  requires(TorchDataSamplerOfEpochs<S> || TorchDataSamplerOfSizes<S>)
int64_t epoch_size(S sampler) {
  constexpr size_t kAtOnce = 4096;
  sampler.reset(std::nullopt);
  int64_t count = 0;
  while (const auto batch = sampler.next(kAtOnce)) {
    if constexpr (TorchDataSamplerOfSizes<S>)
      count += static_cast<int64_t>(static_cast<size_t>(*batch));
    else
      count += static_cast<int64_t>(batch->size());
  }
  return count;
}

/// The batches that torch::data's loader would make with one of its samplers, or with one that the user wrote for it.
///
/// Distributed samplers are told the epoch: nobody can call their set_epoch() once torch::data's loader has them. One
/// that was told an epoch before, or restored with one, begins in that epoch. The other samplers, such as
/// RandomSampler, are taken to draw an epoch from the global generator when it begins, which is at its first batch
/// here, and at begin() in torch::data. The indices of a StreamSampler are the running numbers of the examples.
template <TorchDataSampler S>
class TorchSampler {
 public:
  /// `size` is how many indices an epoch of `sampler` has: the dataset's size or, for the distributed samplers, the
  /// rank's share of it, see epoch_size(). Throws std::invalid_argument when it is negative, or batch_size not
  /// positive.
  TorchSampler(S sampler, int64_t size, int64_t batch_size, bool drop_last)
      : sampler_(std::move(sampler)), size_(size), batch_size_(batch_size), drop_last_(drop_last) {
    if (size < 0)
      throw std::invalid_argument("TorchSampler: the number of samples must not be negative, but got size=" +
                                  std::to_string(size));
    if (batch_size <= 0)
      throw std::invalid_argument("TorchSampler: batch_size should be a positive integer value, but got batch_size=" +
                                  std::to_string(batch_size));
    if constexpr (TorchDataSamplerOfEpochs<S>) generator_.set_epoch(epoch_of(sampler_));
  }

  /// Batches an epoch, when all but the last are full.
  int64_t size() const { return size_ / batch_size_ + (!drop_last_ && size_ % batch_size_ != 0 ? 1 : 0); }

  int64_t epoch() const { return generator_.epoch(); }
  void set_epoch(int64_t epoch) {
    generator_.set_epoch(epoch);
    begun_ = false;
    position_ = 0;
  }

  /// Replaces the contents of `batch` by the next batch, which has no indices where the sampler gives an empty one.
  /// False, with `batch` empty, at the end of the epoch. With drop_last, short batches are left out.
  bool next(std::vector<int64_t>& batch) {
    while (take(batch_size_, batch))
      if (!drop_last_ || std::ssize(batch) >= batch_size_) return true;
    return false;
  }

  static constexpr PositionUnit kPositionUnit = PositionUnit::kIndices;

  /// The state. Of a sampler without set_epoch() it holds the global generator's state at the epoch's beginning.
  SamplerState state() const { return generator_.state(position_); }

  /// Goes to where `state` says, by going through the epoch again up to the position; empty batches behind it come
  /// again. Without set_epoch() the global generator is set back, for everybody, to where it stood before the epoch was
  /// drawn, and draws it again.
  void load_state(const SamplerState& state) {
    generator_.load_state(state, "TorchSampler");
    set_epoch(state.epoch);
    std::vector<int64_t> skipped;
    while (position_ != state.position) {
      const int64_t left = state.position - position_;
      const bool given = left > 0 && take(std::min(batch_size_, left), skipped);
      if (!given) require_position("TorchSampler", state.position, std::min(position_, state.position - 1));
    }
  }

 private:
  void begin() {
    begun_ = true;
    if constexpr (TorchDataSamplerOfEpochs<S>)
      sampler_.set_epoch(static_cast<size_t>(generator_.epoch()));
    else
      generator_.begin();
    sampler_.reset(std::nullopt);
  }

  bool take(int64_t count, std::vector<int64_t>& indices) {
    if (!begun_) begin();
    indices.clear();
    const auto request = sampler_.next(static_cast<size_t>(count));
    if (!request) return false;
    if constexpr (std::convertible_to<decltype(*request), size_t>) {
      indices.resize(static_cast<size_t>(*request));
      std::iota(indices.begin(), indices.end(), position_);
    } else {
      indices.assign(request->begin(), request->end());
    }
    position_ += std::ssize(indices);
    return true;
  }

  S sampler_;
  int64_t size_;
  int64_t batch_size_;
  bool drop_last_;
  EpochGenerator generator_ = TorchDataSamplerOfEpochs<S> ? EpochGenerator(0) : EpochGenerator::of_global();
  bool begun_ = false;    // Whether the sampler has been reset for this epoch.
  int64_t position_ = 0;  // Indices of this epoch that the sampler has given.
};

}  // namespace millrace
