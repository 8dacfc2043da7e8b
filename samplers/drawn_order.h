#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "millrace/samplers/epoch_generator.h"
#include "millrace/samplers/sampler_state.h"

namespace millrace {

/// Gives out an epoch that is drawn in one go: `draw(at::Generator&)` gives it as a tensor of int64 {size}, when the
/// first index is asked for. The tensor is held to the end of the epoch. A part of samplers.
class DrawnOrder {
 public:
  /// `sampler` names the sampler in errors.
  DrawnOrder(std::string sampler, int64_t size, EpochGenerator generator)
      : sampler_(std::move(sampler)), size_(size), generator_(std::move(generator)) {}

  int64_t size() const { return size_; }

  void set_epoch(int64_t epoch) {
    generator_.set_epoch(epoch);
    order_ = at::Tensor();
    position_ = 0;
  }

  template <class Draw>
  std::optional<int64_t> next(const Draw& draw) {
    if (position_ == size_) {
      order_ = at::Tensor();
      return std::nullopt;
    }
    if (!order_.defined()) {
      order_ = draw(generator_.begin());
      values_ = order_.const_data_ptr<int64_t>();
    }
    return values_[position_++];
  }

  SamplerState state() const { return generator_.state(position_); }

  template <class Draw>
  void load_state(const SamplerState& state, const Draw& draw) {
    require_position(sampler_, state.position, size_);
    generator_.load_state(state, sampler_);
    set_epoch(state.epoch);
    position_ = state.position;
    // The next epoch goes on behind this one's draws, even where none of its indices is left to give.
    if (position_ == size_ && generator_.is_shared()) draw(generator_.begin());
  }

 private:
  std::string sampler_;
  int64_t size_;
  EpochGenerator generator_;
  at::Tensor order_;
  const int64_t* values_ = nullptr;  // The elements of order_.
  int64_t position_ = 0;
};

}  // namespace millrace
