#include "millrace/samplers/random_sampler.h"

#include <ATen/CPUGeneratorImpl.h>
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
                                " samples from a dataset of " + std::to_string(n));
  return num_samples;
}

}  // namespace

RandomSampler::RandomSampler(int64_t n, RandomSamplerOptions options)
    : n_(n),
      num_samples_(checked_num_samples(n, options)),
      replacement_(options.replacement),
      seed_(options.seed),
      remaining_(num_samples_) {}

RandomSampler::RandomSampler(int64_t n, at::Generator generator, RandomSamplerOptions options)
    : RandomSampler(n, options) {
  if (!generator.defined())
    throw std::invalid_argument("RandomSampler: the generator is undefined; make one, or give a seed instead");
  stream_ = std::move(generator);
}

void RandomSampler::set_epoch(int64_t epoch) {
  epoch_ = epoch;
  generator_ = at::Generator();
  drawn_ = at::Tensor();
  position_ = 0;
  available_ = 0;
  remaining_ = num_samples_;
  finished_ = false;
}

std::optional<int64_t> RandomSampler::next() {
  if (position_ == available_ && !refill()) return std::nullopt;
  return values_[position_++];
}

bool RandomSampler::refill() {
  if (finished_) return false;
  if (!generator_.defined())
    generator_ =
        stream_.defined() ? stream_ : at::make_generator<at::CPUGeneratorImpl>(seed_ + static_cast<uint64_t>(epoch_));
  drawn_ = at::Tensor();  // First, so that two permutations never exist at once.
  position_ = 0;
  available_ = 0;
  if (remaining_ == 0) {
    finished_ = true;
    // PyTorch always draws one permutation after the whole ones and keeps num_samples % n of it, be that none. Nobody
    // can see the difference in a generator of our own.
    const bool draws_were_whole_permutations = !replacement_ && num_samples_ % n_ == 0;
    if (stream_.defined() && draws_were_whole_permutations) at::randperm(n_, stream_, at::kLong);
    return false;
  }
  drawn_ = replacement_ ? at::randint(n_, {std::min(remaining_, kReplacementChunk)}, generator_, at::kLong)
                        : at::randperm(n_, generator_, at::kLong);
  values_ = drawn_.const_data_ptr<int64_t>();
  available_ = std::min(remaining_, drawn_.numel());
  remaining_ -= available_;
  return true;
}

}  // namespace millrace
