#include "millrace/sharing/tensor/tensor_view.h"

#include <ATen/ops/from_blob.h>

#include <utility>

namespace millrace {

at::Tensor tensor_view(void* data, at::IntArrayRef sizes, at::ScalarType dtype, c10::Device device,
                       std::shared_ptr<void> owner) {
  at::TensorMaker view = at::for_blob(data, sizes);
  view.target_device(device).options(at::TensorOptions(dtype).device(device));
  if (owner)
    view.context(new std::shared_ptr<void>(std::move(owner)),
                 [](void* held) { delete static_cast<std::shared_ptr<void>*>(held); });
  return view.make_tensor();
}

}  // namespace millrace
