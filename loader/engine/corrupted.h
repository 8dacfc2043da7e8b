#pragma once

#include <cstddef>
#include <string>

#include "millrace/loader/errors.h"

namespace millrace {

/// The error of shared memory that says what no worker of ours writes; `what` names the place.
inline BoardCorrupted overwritten(const std::string& what) {
  return BoardCorrupted("the loader's shared memory was overwritten (" + what +
                        "): a dataset or library writes outside its memory in a worker");
}

/// The error of a message that no worker of ours sends.
inline BoardCorrupted foreign_message(size_t worker, const std::string& what) {
  return BoardCorrupted("worker " + std::to_string(worker) + " sent the loader what no worker of ours sends (" + what +
                        "): a dataset or library writes to descriptors that are not its own");
}

inline BoardCorrupted overwritten(size_t slot, const std::string& what) {
  return overwritten("slot " + std::to_string(slot) + ", " + what);
}

}  // namespace millrace
