#pragma once

#include <ATen/core/Tensor.h>

namespace millrace {

/// Whether the memory of a strided tensor is its elements in order, as they are, so that its bytes can be copied.
inline bool has_plain_elements(const at::Tensor& tensor) {
  return tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg();
}

}  // namespace millrace
