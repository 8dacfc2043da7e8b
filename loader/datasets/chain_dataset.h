#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/sample_row.h"
#include "millrace/loader/sources/source_for.h"

namespace millrace {

/// Iterable datasets one behind the other (PyTorch's ChainDataset). Each stream goes through its own part of every one.
/// Sized, resumable from a state, and able to travel where the datasets are. A value; thread rules are theirs.
template <IterableDataset D>
class ChainDataset {
 public:
  ChainDataset() = default;  ///< For the receiving side of serialize().

  explicit ChainDataset(std::vector<D> datasets) : datasets_(std::move(datasets)) {}

  size_t size()
    requires detail::Sized<D> {
    size_t sum = 0;
    for (auto& dataset : datasets_) sum += detail::size_of(dataset);
    return sum;
  }

  auto next(StreamContext& context) {
    for (; at_ < datasets_.size(); ++at_)
      if (auto sample = datasets_[at_].next(context)) return sample;
    return decltype(datasets_[at_].next(context))();
  }

  /// The number of the dataset that is read, and the state of that dataset; no state behind the last one.
  auto state()
    requires detail::HasState<D> {
    std::vector<detail::StateOf<D>> inner;
    if (at_ < datasets_.size()) inner.push_back(datasets_[at_].state());
    return std::pair(static_cast<uint64_t>(at_), std::move(inner));
  }

  /// Goes to where `state` says. Throws std::invalid_argument for a state of a chain of another length.
  template <class Inner = D>  // Looked at where there is a state only.
    requires detail::HasState<Inner>
  void load_state(const std::pair<uint64_t, std::vector<detail::StateOf<Inner>>>& state) {
    if (state.first > datasets_.size() || (state.first < datasets_.size()) == state.second.empty())
      throw std::invalid_argument("ChainDataset: the state is one of a chain of another length");
    at_ = static_cast<size_t>(state.first);
    if (!state.second.empty()) datasets_[at_].load_state(state.second.front());
  }

  template <class Archive>
    requires detail::Travels<D>
  void serialize(Archive& archive) {
    archive(datasets_);
  }

 private:
  std::vector<D> datasets_;
  size_t at_ = 0;
};

}  // namespace millrace
