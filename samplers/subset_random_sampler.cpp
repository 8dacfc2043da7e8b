#include "millrace/samplers/subset_random_sampler.h"

#include <ATen/ops/randperm.h>

#include <utility>

namespace millrace {

SubsetRandomSampler::SubsetRandomSampler(std::vector<int64_t> indices, uint64_t seed)
    : indices_(std::move(indices)), order_("SubsetRandomSampler", std::ssize(indices_), EpochGenerator(seed)) {}

SubsetRandomSampler::SubsetRandomSampler(std::vector<int64_t> indices, at::Generator generator)
    : indices_(std::move(indices)),
      order_("SubsetRandomSampler", std::ssize(indices_), EpochGenerator(std::move(generator), "SubsetRandomSampler")) {
}

at::Tensor SubsetRandomSampler::draw(at::Generator& generator) const {
  return at::randperm(std::ssize(indices_), generator, at::kLong);
}

std::optional<int64_t> SubsetRandomSampler::next() {
  const auto element = order_.next([this](at::Generator& generator) { return draw(generator); });
  if (!element) return std::nullopt;
  return indices_[static_cast<size_t>(*element)];
}

void SubsetRandomSampler::load_state(const SamplerState& state) {
  order_.load_state(state, [this](at::Generator& generator) { return draw(generator); });
}

}  // namespace millrace
