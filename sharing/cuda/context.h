#pragma once

#include <cstddef>
#include <string>

#include "millrace/sharing/cuda/driver.h"

namespace millrace::cuda {

/// Makes the device's primary context, which LibTorch and the CUDA runtime use too, current in this thread for the life
/// of the object. The context is made on first use (half a second, some hundred MiB of the device) and kept for the
/// life of the process. Throws CudaUnavailable, CudaError.
///
/// The thread is in the relaxed capture mode meanwhile. Otherwise, while another thread of the process captures a CUDA
/// graph, calls such as a query of an event or an allocation would fail and ruin the capture.
class CurrentContext {
 public:
  explicit CurrentContext(int device);
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;
  ~CurrentContext();

 private:
  int capture_mode_ = api::kCaptureModeRelaxed;  // The thread's own mode, to be restored.
};

/// Whether the device has a primary context in this process, whoever made it. Makes none.
bool has_context(int device);

/// The value of an attribute, one of api::kDevice...: what the device can do. Makes no context. Throws CudaUnavailable,
/// CudaError.
int attribute_of(int device, int attribute);

/// The device's UUID, the same in all processes, whatever numbers devices have there.
api::Uuid uuid_of(int device);

/// The number that the device has in this process. Throws CudaUnavailable when it is not visible here.
int device_with(const api::Uuid& uuid);

}  // namespace millrace::cuda
