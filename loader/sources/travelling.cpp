#include "millrace/loader/sources/travelling.h"

#include <stdexcept>
#include <string>

#include "millrace/sharing/process/type_name.h"

namespace millrace::detail {

void throw_collate_stays(const std::type_info& collate) {
  throw std::invalid_argument(
      "this collate function, " + type_name(collate) +
      ", cannot travel to worker processes, as a lambda that captures cannot: make it a struct with a const "
      "operator(), "
      "a default constructor and a serialize member that covers what it would capture; or use what inherits live "
      "objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
}

void throw_batch_stays(const std::type_info& batch) {
  throw std::invalid_argument(
      "batches of type " + type_name(batch) +
      " cannot travel from worker processes: give it, or the struct in it that lacks them, a default constructor and a "
      "serialize member that covers its members; or use worker_mode(WorkerMode::kThread), or no workers");
}

}  // namespace millrace::detail
