#include "millrace/samplers/sampler_state.h"

#include <stdexcept>

namespace millrace {

std::string to_string(const SamplerState& state) {
  std::string text = "epoch " + std::to_string(state.epoch) + ", position " + std::to_string(state.position);
  if (!state.generator.empty()) text += ", generator of " + std::to_string(state.generator.size()) + " bytes";
  return text;
}

void require_position(std::string_view sampler, int64_t position, int64_t size) {
  if (position >= 0 && position <= size) return;
  throw std::invalid_argument(std::string(sampler) + ": cannot go to position " + std::to_string(position) +
                              " of an epoch of " + std::to_string(size) +
                              "; the state is of another sampler or of one with other arguments");
}

}  // namespace millrace
