#include "millrace/samplers/distributed.h"

namespace millrace::detail {

void check(const DistributedOptions& options) {
  if (options.num_replicas <= 0)
    throw std::invalid_argument("Distributed: num_replicas should be a positive integer value, but got " +
                                std::to_string(options.num_replicas));
  if (options.rank < 0 || options.rank >= options.num_replicas)
    throw std::invalid_argument("Distributed: rank " + std::to_string(options.rank) +
                                " should be in the interval [0, " + std::to_string(options.num_replicas - 1) + "]");
}

}  // namespace millrace::detail
