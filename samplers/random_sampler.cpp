#include "millrace/samplers/random_sampler.h"

#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace {
namespace {

// PyTorch asks for 32 random integers a call. The size is part of the stream's definition, not a tuning knob.
constexpr int64_t kReplacementChunk = 32;

int64_t checked_num_samples(int64_t n, const RandomSamplerOptions& options) {
  const int64_t num_samples = options.num_samples.value_or(n);
  if (num_samples <= 0)
    throw std::invalid_argument("RandomSampler: num_samples should be a positive integer value, but got num_samples=" +
                                std::to_string(num_samples) +
                                (options.num_samples ? "" : " (the size of the dataset)"));
  if (n <= 0)
    throw std::invalid_argument("RandomSampler: cannot draw " + std::to_string(num_samples) +
                                (num_samples == 1 ? " sample" : " samples") + " from a dataset of " +
                                std::to_string(n));
  return num_samples;
}

}  // namespace

RandomSampler::RandomSampler(int64_t n, EpochGenerator generator, const RandomSamplerOptions& options)
    : n_(n),
      num_samples_(checked_num_samples(n, options)),
      replacement_(options.replacement),
      generator_(std::move(generator)),
      remaining_(num_samples_) {}

RandomSampler::RandomSampler(int64_t n, RandomSamplerOptions options)
    : RandomSampler(n, EpochGenerator(options.seed), options) {}

RandomSampler::RandomSampler(int64_t n, at::Generator generator, RandomSamplerOptions options)
    : RandomSampler(n, EpochGenerator(std::move(generator), "RandomSampler"), options) {}

void RandomSampler::set_epoch(int64_t epoch) {
  generator_.set_epoch(epoch);
  drawn_ = at::Tensor();
  position_ = 0;
  available_ = 0;
  remaining_ = num_samples_;
  finished_ = false;
}

SamplerState RandomSampler::state() const {
  return generator_.state(num_samples_ - remaining_ - (available_ - position_));
}

void RandomSampler::load_state(const SamplerState& state) {
  require_position("RandomSampler", state.position, num_samples_);
  generator_.load_state(state, "RandomSampler");
  set_epoch(state.epoch);
  for (int64_t skip = state.position; skip > 0; skip -= available_) {
    refill();
    position_ = std::min(skip, available_);
  }
  // Who stops behind the last index goes on with the next epoch, so the generator must stand where that begins.
  if (state.position == num_samples_) next();
}

std::optional<int64_t> RandomSampler::next() {
  if (position_ == available_ && !refill()) return std::nullopt;
  return values_[position_++];
}

bool RandomSampler::refill() {
  if (finished_) return false;
  at::Generator& generator = generator_.begin();
  drawn_ = at::Tensor();  // First, so that two permutations never exist at once.
  position_ = 0;
  available_ = 0;
  if (remaining_ == 0) {
    finished_ = true;
    // PyTorch always draws one permutation after the whole ones and keeps num_samples % n of it, be that none. Nobody
    // can see the difference in a generator of our own.
    const bool draws_were_whole_permutations = !replacement_ && num_samples_ % n_ == 0;
    if (generator_.is_shared() && draws_were_whole_permutations) at::randperm(n_, generator, at::kLong);
    return false;
  }
  drawn_ = replacement_ ? at::randint(n_, {std::min(remaining_, kReplacementChunk)}, generator, at::kLong)
                        : at::randperm(n_, generator, at::kLong);
  values_ = drawn_.const_data_ptr<int64_t>();
  available_ = std::min(remaining_, drawn_.numel());
  remaining_ -= available_;
  return true;
}

}  // namespace millrace
