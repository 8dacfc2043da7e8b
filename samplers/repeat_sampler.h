#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sampler_name.h"

namespace millrace {

/// Several epochs of another sampler on end make one epoch: epoch e has that sampler's epochs e * times to e * times +
/// times - 1, each with its own order.
///
/// The state is the inner sampler's: it counts the inner epochs.
template <Sampler S>
class RepeatSampler {
 public:
  /// Throws std::invalid_argument when times is not positive.
  RepeatSampler(S sampler, int64_t times)
      : sampler_(std::move(sampler)), times_(times), inner_epoch_(epoch_of(sampler_)) {
    if (times <= 0)
      throw std::invalid_argument("RepeatSampler: times should be a positive integer value, but got times=" +
                                  std::to_string(times));
  }

  int64_t size() const {
    constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();  // As an InfiniteSampler says.
    const int64_t once = sampler_.size();
    return once > kEndless / times_ ? kEndless : once * times_;
  }

  int64_t epoch() const { return inner_epoch_ / times_; }
  void set_epoch(int64_t epoch) { set_inner_epoch(epoch * times_); }

  std::optional<int64_t> next() {
    while (true) {
      if (const auto index = sampler_.next()) return index;
      if ((inner_epoch_ + 1) % times_ == 0) return std::nullopt;
      set_inner_epoch(inner_epoch_ + 1);
    }
  }

  SamplerState state() const
    requires Resumable<S> {
    return sampler_.state();
  }
  void load_state(const SamplerState& state)
    requires Resumable<S> {
    sampler_.load_state(state);
    inner_epoch_ = state.epoch;
  }

  std::string name() const { return "millrace::RepeatSampler of " + sampler_name(sampler_); }

 private:
  void set_inner_epoch(int64_t epoch) {
    inner_epoch_ = epoch;
    sampler_.set_epoch(epoch);
  }

  S sampler_;
  int64_t times_;
  int64_t inner_epoch_;
};

/// The epochs of another sampler on end, without an end, for training that counts steps. set_epoch(e) starts at that
/// sampler's epoch e. A sampler whose epochs are empty ends at once.
///
/// The state is the inner sampler's: it counts the inner epochs.
template <Sampler S>
class InfiniteSampler {
 public:
  /// Takes an S and nothing that converts to one: an AnySampler can be made of any sampler, and so of this one.
  template <std::same_as<S> Inner>
  explicit InfiniteSampler(Inner sampler) : sampler_(std::move(sampler)), epoch_(epoch_of(sampler_)) {}

  /// The largest number there is, since the epoch has no end.
  int64_t size() const { return std::numeric_limits<int64_t>::max(); }

  int64_t epoch() const { return epoch_; }
  void set_epoch(int64_t epoch) {
    epoch_ = epoch;
    sampler_.set_epoch(epoch);
  }

  std::optional<int64_t> next() {
    if (const auto index = sampler_.next()) return index;
    if (sampler_.size() == 0) return std::nullopt;
    set_epoch(epoch_ + 1);
    return sampler_.next();
  }

  SamplerState state() const
    requires Resumable<S> {
    return sampler_.state();
  }
  void load_state(const SamplerState& state)
    requires Resumable<S> {
    sampler_.load_state(state);
    epoch_ = state.epoch;
  }

  std::string name() const { return "millrace::InfiniteSampler of " + sampler_name(sampler_); }

 private:
  S sampler_;
  int64_t epoch_;
};

template <Sampler S>
InfiniteSampler(S) -> InfiniteSampler<S>;

}  // namespace millrace
