#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/support/error_of.h"

/// What the tests of samplers share.
namespace millrace::test {

using Indices = std::vector<int64_t>;

inline at::Generator seeded(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

template <class S>
Indices rest_of_epoch(S& sampler) {
  Indices indices;
  while (const auto index = sampler.next()) indices.push_back(*index);
  return indices;
}

/// What is said of arguments that are refused.
template <class Call>
std::string message_of(Call&& call) {
  return error_of<std::invalid_argument>(std::forward<Call>(call));
}

}  // namespace millrace::test
