#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "millrace/sharing/process/call.h"

namespace millrace::multiprocessing::detail {

/// A function that travels on its own first, and then as a number.
struct PoolFunction {
  const void* invoker;
  const void* function;

  auto operator<=>(const PoolFunction&) const = default;
};

/// The numbers of a pool's functions.
class FunctionTable {
 public:
  /// The number of a function, which may be a new one. Throws FunctionError for a function that other processes cannot
  /// find.
  uint32_t number_of(PoolFunction function);

  /// The function of a number, for a worker that asks. Throws std::out_of_range for a number that was not given.
  const Target& target(uint32_t number) const { return targets_.at(number); }

  /// The function's name as one would write it.
  std::string name(uint32_t number) const;

 private:
  std::map<PoolFunction, uint32_t> numbers_;
  std::vector<Target> targets_;         // By number.
  std::vector<const void*> functions_;  // By number.
};

}  // namespace millrace::multiprocessing::detail
