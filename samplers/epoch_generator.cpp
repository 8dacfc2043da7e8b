#include "millrace/samplers/epoch_generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace {
namespace {

std::vector<uint8_t> state_of(at::Generator generator) {
  std::lock_guard lock(generator.mutex());
  const at::Tensor state = generator.get_state();
  const auto* bytes = state.const_data_ptr<uint8_t>();
  return {bytes, bytes + state.numel()};
}

void set_state(at::Generator& generator, const std::vector<uint8_t>& bytes) {
  at::Tensor state = at::empty({std::ssize(bytes)}, at::kByte);
  std::memcpy(state.mutable_data_ptr(), bytes.data(), bytes.size());
  std::lock_guard lock(generator.mutex());
  generator.set_state(state);
}

}  // namespace

EpochGenerator::EpochGenerator(at::Generator generator, std::string_view sampler) : shared_(std::move(generator)) {
  if (!shared_.defined())
    throw std::invalid_argument(std::string(sampler) +
                                ": the generator is undefined; make one, or give a seed instead");
}

EpochGenerator EpochGenerator::of_global() {
  return EpochGenerator(at::detail::getDefaultCPUGenerator(), "EpochGenerator");
}

void EpochGenerator::set_epoch(int64_t epoch) {
  epoch_ = epoch;
  current_ = at::Generator();
}

at::Generator& EpochGenerator::begin() {
  if (current_.defined()) return current_;
  if (is_shared()) {
    shared_before_ = state_of(shared_);
    current_ = shared_;
  } else {
    current_ = at::make_generator<at::CPUGeneratorImpl>(seed_ + static_cast<uint64_t>(epoch_));
  }
  return current_;
}

SamplerState EpochGenerator::state(int64_t position) const {
  if (!is_shared()) return {epoch_, position};
  return {epoch_, position, current_.defined() ? shared_before_ : state_of(shared_)};
}

void EpochGenerator::load_state(const SamplerState& state, std::string_view sampler) {
  if (state.generator.empty() == is_shared())
    throw std::invalid_argument(std::string(sampler) +
                                (is_shared() ? ": the state is of a sampler with a seed, this one has a generator"
                                             : ": the state is of a sampler with a generator, this one has a seed"));
  if (is_shared()) {
    try {
      set_state(shared_, state.generator);
    } catch (const std::exception&) {
      throw std::invalid_argument(std::string(sampler) + ": the state's generator, of " +
                                  std::to_string(state.generator.size()) + " bytes, is no state of this sampler's");
    }
  }
  set_epoch(state.epoch);
}

}  // namespace millrace
