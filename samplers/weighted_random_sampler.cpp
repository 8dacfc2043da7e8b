#include "millrace/samplers/weighted_random_sampler.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exponential.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace millrace {
namespace {

constexpr int64_t kMaxCategories = int64_t{1} << 24;  // The limit of at::multinomial.

// Draws as at::multinomial does, for as many categories as memory holds. A number below the sum of the weights falls
// into the part that is a category's. Without replacement, the largest quotients of weights and exponential variates
// win.
at::Tensor draw_from_many(const at::Tensor& weights, int64_t num_samples, bool replacement, at::Generator& generator) {
  if (!replacement) {
    at::Tensor quotients = at::empty_like(weights).exponential_(1, generator);
    double* const quotient = quotients.mutable_data_ptr<double>();
    const double* const weight = weights.const_data_ptr<double>();
    for (int64_t i = 0; i < weights.numel(); ++i)
      quotient[i] = weight[i] / std::max(quotient[i], std::numeric_limits<double>::min());  // No 0 / 0.
    return std::get<1>(at::topk(quotients, num_samples));
  }
  const auto sums = at::cumsum(weights, 0);
  const double* const first = sums.const_data_ptr<double>();
  const double* const end = first + sums.numel();
  const double all = end[-1];
  const double* const last = std::lower_bound(first, end, all);  // Of a positive weight: the sum grows no more.
  const auto uniform = at::rand({num_samples}, generator, at::kDouble);
  at::Tensor drawn = at::empty({num_samples}, at::kLong);
  std::transform(uniform.const_data_ptr<double>(), uniform.const_data_ptr<double>() + num_samples,
                 drawn.mutable_data_ptr<int64_t>(),
                 [&](double u) { return std::upper_bound(first, last, u * all) - first; });
  return drawn;
}

[[noreturn]] void refuse_weights(const std::string& why) {
  throw std::invalid_argument("WeightedRandomSampler: " + why);
}

void check(const std::vector<double>& weights, int64_t num_samples, bool replacement) {
  if (num_samples <= 0)
    refuse_weights("num_samples should be a positive integer value, but got num_samples=" +
                   std::to_string(num_samples));
  int64_t positive = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0)
      refuse_weights("weights[" + std::to_string(i) + "] is " + std::to_string(weights[i]) +
                     ", but weights must be finite and not negative");
    if (weights[i] > 0) ++positive;
  }
  if (positive == 0) refuse_weights("weights: none of the " + std::to_string(weights.size()) + " is positive");
  if (!replacement && positive < num_samples)
    refuse_weights("num_samples=" + std::to_string(num_samples) + " cannot be drawn without replacement when only " +
                   std::to_string(positive) + (positive == 1 ? " weight is positive" : " weights are positive"));
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
  if (weights_.numel() > kMaxCategories) return draw_from_many(weights_, order_.size(), replacement_, generator);
  return at::multinomial(weights_, order_.size(), replacement_, generator);
}

std::optional<int64_t> WeightedRandomSampler::next() {
  return order_.next([this](at::Generator& generator) { return draw(generator); });
}

void WeightedRandomSampler::load_state(const SamplerState& state) {
  order_.load_state(state, [this](at::Generator& generator) { return draw(generator); });
}

}  // namespace millrace
