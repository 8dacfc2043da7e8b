// The examples' CUDA, on the fake driver.

#include "millrace/apps/examples/device_tensor.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/sharing/cuda/device_tensors.h"

namespace example {

bool has_cuda() {
  fake_torch::install();
  return true;
}

at::Tensor sevens() { return millrace::cuda::test::full(millrace::cuda::Transport::kLegacyHandle, 1000, 7); }

float first(const at::Tensor& tensor) { return millrace::cuda::test::first(tensor); }

}  // namespace example
