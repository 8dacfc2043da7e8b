#include "millrace/samplers/distributed_sampler.h"

#include <ATen/ops/randperm.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace millrace {
namespace {

int64_t checked_size(int64_t size, const DistributedSamplerOptions& options) {
  if (size < 0)
    throw std::invalid_argument("DistributedSampler: the number of samples must not be negative, but got size=" +
                                std::to_string(size));
  if (options.num_replicas <= 0)
    throw std::invalid_argument("DistributedSampler: num_replicas should be a positive integer value, but got " +
                                std::to_string(options.num_replicas));
  if (options.rank < 0 || options.rank >= options.num_replicas)
    throw std::invalid_argument("DistributedSampler: rank " + std::to_string(options.rank) +
                                " should be in the interval [0, " + std::to_string(options.num_replicas - 1) + "]");
  return size;
}

}  // namespace

DistributedSampler::DistributedSampler(int64_t size, DistributedSamplerOptions options)
    : n_(checked_size(size, options)), options_(options), generator_(options.seed), available_(shares(0)) {}

int64_t DistributedSampler::shares(int64_t start) const {
  const int64_t left = n_ > start ? n_ - start : 0;
  const int64_t padded = options_.drop_last ? left : left + options_.num_replicas - 1;
  return padded / options_.num_replicas;
}

void DistributedSampler::set_epoch(int64_t epoch) {
  generator_.set_epoch(epoch);
  order_ = at::Tensor();
  start_ = 0;
  given_ = 0;
  available_ = shares(0);
}

std::optional<int64_t> DistributedSampler::next() {
  if (given_ == available_) {
    order_ = at::Tensor();
    return std::nullopt;
  }
  const int64_t element = (start_ + given_++ * options_.num_replicas + options_.rank) % n_;
  if (!options_.shuffle) return element;
  if (!order_.defined()) order_ = at::randperm(n_, generator_.begin(), at::kLong);
  return order_.const_data_ptr<int64_t>()[element];
}

SamplerState DistributedSampler::state() const {
  // Beyond the last sample there is only padding, which another number of ranks would not have.
  return generator_.state(std::min(start_ + given_ * options_.num_replicas, n_));
}

void DistributedSampler::load_state(const SamplerState& state) {
  require_position("DistributedSampler", state.position, n_);
  generator_.load_state(state, "DistributedSampler");
  set_epoch(state.epoch);
  start_ = state.position;
  available_ = shares(start_);
}

}  // namespace millrace
