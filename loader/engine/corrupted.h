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

inline BoardCorrupted overwritten(size_t slot, const std::string& what) {
  return overwritten("slot " + std::to_string(slot) + ", " + what);
}

}  // namespace millrace
