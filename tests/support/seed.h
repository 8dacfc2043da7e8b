#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace millrace::test {

/// The seed of a test that draws: what the environment variable MILLRACE_TEST_SEED says, else another one each time. It
/// is printed, so that a failure can be repeated.
inline uint64_t test_seed() {
  const char* given = std::getenv("MILLRACE_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "[ seed     ] MILLRACE_TEST_SEED=" << seed << " repeats the draws of this test" << std::endl;
  return seed;
}

}  // namespace millrace::test
