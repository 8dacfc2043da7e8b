#include "millrace/samplers/weighted_random_sampler.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/multinomial.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace {
namespace {

constexpr int64_t kMaxCategories = int64_t{1} << 24;  // Of at::multinomial.

[[noreturn]] void refuse_weights(const std::string& why) { throw std::invalid_argument("WeightedRandomSampler: " + why); }

void check(const std::vector<double>& weights, int64_t num_samples, bool replacement) {
  if (num_samples <= 0)
    refuse_weights("num_samples should be a positive integer value, but got num_samples=" + std::to_string(num_samples));
  if (std::ssize(weights) > kMaxCategories)
    refuse_weights(std::to_string(weights.size()) + " weights, but at most 2^24 can be drawn from; group samples into classes");
  int64_t positive = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0)
      refuse_weights("weight " + std::to_string(i) + " is " + std::to_string(weights[i]) +
             ", but weights must be finite and not negative");
    if (weights[i] > 0) ++positive;
  }
  if (positive == 0) refuse_weights("none of the " + std::to_string(weights.size()) + " weights is positive");
  if (!replacement && positive < num_samples)
    refuse_weights("cannot draw num_samples=" + std::to_string(num_samples) + " without replacement when only " +
           std::to_string(positive) + " weights are positive");
}

at::Tensor tensor_of(const std::vector<double>& weights) {
  at::Tensor tensor = at::empty({std::ssize(weights)}, at::kDouble);
  std::copy(weights.begin(), weights.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

}  // namespace

WeightedRandomSampler::WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement,
                                             EpochGenerator generator)
    : weights_(tensor_of(weights)),
      replacement_(replacement),
      order_("WeightedRandomSampler", num_samples, std::move(generator)) {
  check(weights, num_samples, replacement);
}

WeightedRandomSampler::WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement,
                                             uint64_t seed)
    : WeightedRandomSampler(weights, num_samples, replacement, EpochGenerator(seed)) {}

WeightedRandomSampler::WeightedRandomSampler(const std::vector<double>& weights, int64_t num_samples, bool replacement,
                                             at::Generator generator)
    : WeightedRandomSampler(weights, num_samples, replacement,
                            EpochGenerator(std::move(generator), "WeightedRandomSampler")) {}

at::Tensor WeightedRandomSampler::draw(at::Generator& generator) const {
  return at::multinomial(weights_, order_.size(), replacement_, generator);
}

std::optional<int64_t> WeightedRandomSampler::next() {
  return order_.next([this](at::Generator& generator) { return draw(generator); });
}

void WeightedRandomSampler::load_state(const SamplerState& state) {
  order_.load_state(state, [this](at::Generator& generator) { return draw(generator); });
}

}  // namespace millrace
