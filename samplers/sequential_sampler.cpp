#include "millrace/samplers/sequential_sampler.h"

#include <stdexcept>
#include <string>

namespace millrace {

SequentialSampler::SequentialSampler(int64_t n) : n_(n) {
  if (n < 0)
    throw std::invalid_argument("SequentialSampler: the number of samples must not be negative, but got n=" +
                                std::to_string(n));
}

std::optional<int64_t> SequentialSampler::next() {
  if (at_.position == n_) return std::nullopt;
  return at_.position++;
}

void SequentialSampler::load_state(const SamplerState& state) {
  require_position("SequentialSampler", state.position, n_);
  at_ = {state.epoch, state.position};
}

}  // namespace millrace
