#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "millrace/samplers/sampler.h"

namespace millrace {

struct ClassBalancedSamplerOptions {
  std::optional<int64_t> num_samples = std::nullopt;  ///< Indices an epoch; as many as there are labels when not given.
  uint64_t seed = 0;
};

/// Gives every class equally often, however many samples it has.
///
/// The epoch goes in rounds. Each round has one sample of every class, in an order shuffled anew, so any stretch of the
/// epoch is balanced. A class gives its samples in a shuffled order, each once before any comes again, and then in a
/// new order. An epoch is a function of labels, seed and epoch alone, and any position of it is reached at once.
///
/// The sampler holds 8 bytes a sample, made once; copies have their own.
class ClassBalancedSampler {
 public:
  /// `labels[i]` is the class of sample i, any number; classes are those that occur. Throws std::invalid_argument when
  /// there are no labels or num_samples is not positive.
  explicit ClassBalancedSampler(std::span<const int64_t> labels, ClassBalancedSamplerOptions options = {});

  int64_t size() const { return num_samples_; }
  void set_epoch(int64_t epoch) { at_ = {epoch, 0}; }
  std::optional<int64_t> next();

  SamplerState state() const { return at_; }
  void load_state(const SamplerState& state);

  int64_t num_classes() const { return std::ssize(class_ends_); }

 private:
  std::span<const int64_t> members(int64_t of_class) const;

  std::vector<int64_t> members_;  // Samples, class by class in the order of their labels.
  std::vector<int64_t> class_ends_;
  int64_t num_samples_;
  uint64_t seed_;
  SamplerState at_;
};

static_assert(Sampler<ClassBalancedSampler> && Resumable<ClassBalancedSampler>);

}  // namespace millrace
