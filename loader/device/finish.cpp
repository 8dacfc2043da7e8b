#include "millrace/loader/device/finish.h"

#include "millrace/loader/device/finish_kernel.h"
#include "millrace/loader/device/finish_steps.h"
#include "millrace/sharing/cuda/stream.h"

namespace millrace {

at::Tensor finish(const at::Tensor& pictures, const transforms::Normalize& normalize,
                  const std::optional<Windows>& windows) {
  using namespace device;
  const auto place = pictures.device();
  const auto* const kernel = place.is_cuda() ? FinishKernel::find(place.index()) : nullptr;
  if (!kernel && !place.is_cpu()) return finish_by_torch(pictures, normalize, windows);
  auto out = empty_finished(pictures, normalize, windows);
  const auto arguments = finish_arguments(pictures, out, normalize, windows);
  if (kernel)
    kernel->launch(arguments, normalize.dtype, cuda::current_stream(place.index()));
  else
    finish_on_cpu(arguments, normalize.dtype);
  return out;
}

}  // namespace millrace
