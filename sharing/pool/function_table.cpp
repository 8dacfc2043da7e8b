#include "millrace/sharing/pool/function_table.h"

#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/process/backtrace.h"

namespace millrace::multiprocessing::detail {

uint32_t FunctionTable::number_of(PoolFunction function) {
  const auto known = numbers_.find(function);
  if (known != numbers_.end()) return known->second;
  targets_.push_back({identify_function(function.invoker), identify_function(function.function)});
  functions_.push_back(function.function);
  return numbers_.emplace(function, static_cast<uint32_t>(targets_.size() - 1)).first->second;
}

std::string FunctionTable::name(uint32_t number) const { return function_name(functions_[number]); }

}  // namespace millrace::multiprocessing::detail
