#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::testing {

/// A dataset that gives whole batches: the squares of the indices.
struct WholeBatches {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  std::vector<int64_t> get_batch(const std::vector<size_t>& indices) const {
    std::vector<int64_t> squares;
    for (const size_t i : indices) squares.push_back(static_cast<int64_t>(i * i));
    return squares;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

}  // namespace millrace::testing
