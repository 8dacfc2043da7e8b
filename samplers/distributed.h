#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/sampler.h"
#include "millrace/samplers/sampler_name.h"
#include "millrace/samplers/sampler_state.h"

namespace millrace {

/// What happens to the last elements of an epoch whose size the number of ranks does not divide.
enum class Remainder {
  kPad,   ///< The first ones are given again, so that all ranks have as many: for training, where ranks step together.
  kDrop,  ///< The last ones are left out, so that all ranks have as many.
  kKeep,  ///< Each is given once, so some ranks have one less: for evaluation, where a sample twice is an error.
};

struct DistributedOptions {
  int64_t rank = 0;          ///< This process's number, 0 .. num_replicas - 1.
  int64_t num_replicas = 1;  ///< Processes that share the epoch.
  Remainder remainder = Remainder::kPad;
};

namespace detail {

void check(const DistributedOptions& options);

// One rank's share of a sequence of T: in every num_replicas elements, the one at the rank's number.
template <class T>
class RankShare {
 public:
  explicit RankShare(DistributedOptions options) : options_(options) { check(options_); }

  void begin() { first_.clear(); }

  int64_t size(int64_t all) const {
    const int64_t whole = all / options_.num_replicas;
    const int64_t rest = all % options_.num_replicas;
    if (options_.remainder == Remainder::kDrop) return whole;
    return whole + (rest > (options_.remainder == Remainder::kKeep ? options_.rank : 0) ? 1 : 0);
  }

  /// `draw(element)` gives the sequence's next element; false at its end. Every rank draws the elements of all, so that
  /// all have the same state.
  template <class Draw>
  bool next(T& element, Draw draw) {
    const auto ranks = static_cast<size_t>(options_.num_replicas);
    const auto own = static_cast<size_t>(options_.rank);
    size_t drawn = 0;
    bool has_own = false;
    for (T other{}; drawn < ranks && draw(other); ++drawn) {
      if (options_.remainder == Remainder::kPad && first_.size() < ranks) first_.push_back(other);
      if (drawn == own) {
        element = std::move(other);
        has_own = true;
      }
    }
    if (drawn == ranks) return true;
    if (drawn == 0 || options_.remainder == Remainder::kDrop) return false;
    if (!has_own && options_.remainder == Remainder::kPad) {
      element = first_[(own - drawn) % first_.size()];
      has_own = true;
    }
    return has_own;
  }

 private:
  DistributedOptions options_;
  std::vector<T> first_;  // The first elements since the epoch, or the rest of a resumed one, began: they pad its end.
};

// What Distributed does both for samplers of indices and for those of batches; Element is what the sampler gives.
template <class S, class Element>
class DistributedBase {
 public:
  /// Throws std::invalid_argument when num_replicas is not positive or rank is outside it.
  DistributedBase(S sampler, DistributedOptions options) : sampler_(std::move(sampler)), share_(options) {}

  /// How many indices, or batches, next() gives in an epoch.
  int64_t size() const { return share_.size(sampler_.size()); }

  int64_t epoch() const { return epoch_of(sampler_); }
  void set_epoch(int64_t epoch) {
    sampler_.set_epoch(epoch);
    share_.begin();
  }

  SamplerState state() const
    requires Resumable<S> {
    return sampler_.state();
  }
  void load_state(const SamplerState& state)
    requires Resumable<S> {
    sampler_.load_state(state);
    share_.begin();
  }

  /// The name of the kind of order, which is the same on all ranks: they load each other's states.
  std::string name() const { return "millrace::Distributed of " + sampler_name(sampler_); }

 protected:
  S sampler_;
  RankShare<Element> share_;
};

}  // namespace detail

/// One rank's share of the epoch of any sampler: weighted, bucketed, class-balanced, by shards, or one of the user's
/// own. Of a sampler of batches, the batches are shared out whole.
///
///   Distributed(WeightedRandomSampler(weights, n, true, seed), {.rank = rank, .num_replicas = ranks})
///   Distributed(SequentialSampler(n), {.rank = rank, .num_replicas = ranks, .remainder = Remainder::kKeep})
///
/// Rank r has elements r, r + num_replicas, … of the order. Every rank goes through the whole order, so seed and epoch
/// must be the same on all; a loader sees to the epoch. The order is the sampler's own, where DistributedSampler's is
/// PyTorch's.
///
/// The state is the sampler's own, the same on all ranks. Another number of ranks that loads it shares out what is
/// left; the end is then padded from the start of what was left.
template <class S>
class Distributed;

template <class S>
Distributed(S, DistributedOptions) -> Distributed<S>;

template <Sampler S>
class Distributed<S> : public detail::DistributedBase<S, int64_t> {
 public:
  using detail::DistributedBase<S, int64_t>::DistributedBase;

  std::optional<int64_t> next() {
    int64_t index = 0;
    const auto draw = [&](int64_t& drawn) {
      const auto got = this->sampler_.next();
      drawn = got.value_or(0);
      return got.has_value();
    };
    return this->share_.next(index, draw) ? std::optional(index) : std::nullopt;
  }
};

template <SamplerOfBatches S>
class Distributed<S> : public detail::DistributedBase<S, std::vector<int64_t>> {
 public:
  using detail::DistributedBase<S, std::vector<int64_t>>::DistributedBase;

  bool next(std::vector<int64_t>& batch) {
    const bool given =
        this->share_.next(batch, [&](std::vector<int64_t>& drawn) { return this->sampler_.next(drawn); });
    if (!given) batch.clear();
    return given;
  }

  static constexpr PositionUnit kPositionUnit = [] {
    if constexpr (requires { S::kPositionUnit; })
      return S::kPositionUnit;
    else
      return PositionUnit::kBatches;
  }();
};

}  // namespace millrace
