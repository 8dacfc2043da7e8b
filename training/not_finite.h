#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/loader/batch.h"
#include "millrace/training/data.h"

namespace millrace::training {

/// Samples that have numbers of which a model can make nothing.
struct NotFinite {
  int64_t samples = 0;
  std::string first;  ///< "sample 7 ('a.npy[7]')"; "" where it is not known.

  /// "2 samples have NaN or infinite numbers, the first is sample 7 ('a.npy[7]')"; "" of none.
  std::string text() const;
};

/// Looks for NaN and infinite numbers in the tensors of batches. Does not wait for the device that has them before
/// found() is called. Not thread-safe.
class NotFiniteSearch {
 public:
  void add(const Batch& batch);

  /// In the batches so far, which are of that split.
  NotFinite found(const Split& split) const;

 private:
  struct Looked {
    at::Tensor are_finite;  // A bool a sample.
    std::vector<int64_t> indices;
  };

  std::vector<Looked> looked_;  // Of batches that have such tensors.
};

}  // namespace millrace::training
