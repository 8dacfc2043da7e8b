#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>

namespace millrace::multiprocessing::detail {

/// The number of items of a map() that go to a worker at a time. Python's rule: four chunks a worker.
inline size_t default_chunksize(size_t items, size_t processes) {
  const size_t chunks = 4 * processes;
  return std::max<size_t>(1, items / chunks + (items % chunks != 0 ? 1 : 0));
}

/// Gives `chunksize`. Throws std::invalid_argument for 0.
inline size_t checked_chunksize(size_t chunksize) {
  if (chunksize == 0) throw std::invalid_argument("a pool's chunksize has to be at least 1");
  return chunksize;
}

}  // namespace millrace::multiprocessing::detail
