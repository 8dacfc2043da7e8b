#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"

namespace millrace {

/// Indices in some order, such as std::vector<int64_t> or std::views::iota(0, 100), which a loader takes in the place
/// of a sampler.
template <class R>
concept RangeOfIndices = std::ranges::input_range<R> && std::integral<std::ranges::range_value_t<R>>;

/// The given indices in their order, in every epoch (PyTorch's `sampler=[3, 1, 2]`). An index may come several times.
///
/// The state does not hold the indices, so it is resumed with the same ones.
class SequenceSampler {
 public:
  explicit SequenceSampler(std::vector<int64_t> indices) : indices_(std::move(indices)) {}
  SequenceSampler(std::initializer_list<int64_t> indices) : indices_(indices) {}

  template <RangeOfIndices R>
  explicit SequenceSampler(R&& indices) {
    for (const auto index : indices) indices_.push_back(static_cast<int64_t>(index));
  }

  int64_t size() const { return std::ssize(indices_); }
  void set_epoch(int64_t epoch) { at_ = {epoch, 0}; }
  std::optional<int64_t> next() {
    if (at_.position == size()) return std::nullopt;
    return indices_[static_cast<size_t>(at_.position++)];
  }

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state) {
    require_position("SequenceSampler", state.position, size());
    at_ = state;
  }

 private:
  std::vector<int64_t> indices_;
  SamplerState at_;
};

static_assert(Sampler<SequenceSampler> && Resumable<SequenceSampler>);

}  // namespace millrace
