#include "millrace/apps/examples/device_tensor.h"

#include <ATen/Context.h>
#include <ATen/ops/full.h>

namespace example {

bool has_cuda() { return at::globalContext().hasCUDA(); }

at::Tensor sevens() { return at::full({1000}, 7, at::TensorOptions(at::kFloat).device(at::kCUDA)); }

float first(const at::Tensor& tensor) { return tensor[0].item<float>(); }

}  // namespace example
