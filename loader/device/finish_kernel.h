#pragma once

#include <c10/core/ScalarType.h>

#include "millrace/loader/device/finish_arguments.h"
#include "millrace/sharing/cuda/driver_api.h"

namespace millrace::device {

/// finish.cu, compiled for and loaded on one device. Thread-safe.
class FinishKernel {
 public:
  /// The kernel of a device, made by the first call; null, after one warning, where it cannot be compiled. Throws
  /// CudaError.
  static const FinishKernel* find(int device);

  /// Enqueues the kernel on a stream of the same device. What the arguments point at must live until the kernel has
  /// run.
  void launch(const FinishArguments& arguments, c10::ScalarType dtype, cuda::api::Stream stream) const;

 private:
  explicit FinishKernel(int device);

  int device_;
  cuda::api::Function to_float_ = nullptr, to_half_ = nullptr, to_bfloat16_ = nullptr;
};

}  // namespace millrace::device
