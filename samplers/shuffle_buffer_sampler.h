#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sampler_name.h"
#include "millrace/samplers/scatter.h"

namespace millrace {

/// Another sampler's order, shuffled a little: of a buffer of `buffer_size` indices a random one is given, and replaced
/// by the next. This is shuffle(buffer_size) of tf.data and WebDataset; an index comes at most buffer_size - 1 places
/// early. It is for data that is read well in one order, such as shards, where a full shuffle would jump about.
///
/// The sampler holds buffer_size indices, and its state holds none: load_state() goes through the epoch again up to the
/// position, one next() an index. So the inner sampler's epochs must be functions of the epoch or of its own state.
/// Over a DistributedSampler the state is good for the same number of ranks only.
template <Sampler S>
class ShuffleBufferSampler {
 public:
  /// Throws std::invalid_argument when buffer_size is not positive.
  ShuffleBufferSampler(S sampler, int64_t buffer_size, uint64_t seed = 0)
      : sampler_(std::move(sampler)), buffer_size_(buffer_size), seed_(seed), epoch_(epoch_of(sampler_)) {
    if (buffer_size <= 0)
      throw std::invalid_argument(
          "ShuffleBufferSampler: buffer_size should be a positive integer value, but got buffer_size=" +
          std::to_string(buffer_size));
  }

  int64_t size() const { return sampler_.size(); }

  int64_t epoch() const { return epoch_; }
  void set_epoch(int64_t epoch) {
    sampler_.set_epoch(epoch);
    restart(epoch);
  }

  std::optional<int64_t> next() {
    while (!drained_ && std::ssize(buffer_) < buffer_size_) {
      const auto index = sampler_.next();
      if (index)
        buffer_.push_back(*index);
      else
        drained_ = true;
    }
    if (buffer_.empty()) return std::nullopt;
    const uint64_t bits = scatter(seed_, static_cast<uint64_t>(epoch_), static_cast<uint64_t>(position_));
    ++position_;
    std::swap(buffer_[below(bits, buffer_.size())], buffer_.back());
    const int64_t chosen = buffer_.back();
    buffer_.pop_back();
    return chosen;
  }

  SamplerState state() const
    requires Resumable<S> {
    SamplerState state = sampler_.state();
    state.epoch = epoch_;
    state.position = position_;
    return state;
  }

  void load_state(const SamplerState& state)
    requires Resumable<S> {
    require_position("ShuffleBufferSampler", state.position, size());
    SamplerState start = state;
    start.position = 0;
    sampler_.load_state(start);
    restart(state.epoch);
    while (position_ < state.position && next()) continue;
  }

  std::string name() const { return "millrace::ShuffleBufferSampler of " + sampler_name(sampler_); }

 private:
  void restart(int64_t epoch) {
    epoch_ = epoch;
    position_ = 0;
    buffer_.clear();
    drained_ = false;
  }

  S sampler_;
  int64_t buffer_size_;
  uint64_t seed_;
  int64_t epoch_;
  int64_t position_ = 0;
  std::vector<int64_t> buffer_;
  bool drained_ = false;  // Whether the inner epoch has ended.
};

}  // namespace millrace
