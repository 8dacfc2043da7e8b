#include "millrace/sharing/tensor/share_memory.h"

#include "millrace/sharing/tensor/shared_storage.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace millrace {

const at::Tensor& share_memory_(const at::Tensor& tensor) {
  if (tensor.is_cuda()) return tensor;
  detail::require_dense(tensor);
  move_to_shared_memory(tensor.storage());
  return tensor;
}

bool is_shared(const at::Tensor& tensor) {
  return tensor.is_cuda() || (tensor.defined() && tensor.has_storage() && is_in_shared_memory(tensor.storage()));
}

}  // namespace millrace
