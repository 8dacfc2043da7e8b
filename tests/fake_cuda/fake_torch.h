#pragma once

#include <ATen/core/Tensor.h>

#include "millrace/sharing/cuda/driver_api.h"

/// LibTorch's CUDA tensors on the driver table, for programs without libtorch_cuda: an allocator and a device guard for
/// c10::kCUDA, empty, record_stream, and the operators that make views (as_strided, view and what is built on them:
/// select, slice, narrow, permute…). There are no kernels: no copy_, no fill_, no arithmetic.
///
/// The allocator gives slices of blocks of 2 MiB, as torch's does. A freed slice is given out again at once to the
/// stream that it was allocated for, after the work that was recorded on it (record_stream) on any other.
namespace fake_torch {

/// Before anything CUDA is asked of torch; later calls do nothing.
void install();

at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type, int device = 0);

/// A copy on the CPU of what the tensor holds once the work of all streams of its device is done.
at::Tensor to_host(const at::Tensor& tensor);

/// Sets every element of a contiguous tensor, after the work of all streams of its device.
void fill(const at::Tensor& tensor, double value);

/// Makes a stream this thread's current one on its device.
class CurrentStream {
 public:
  CurrentStream(int device, millrace::cuda::api::Stream stream);
  CurrentStream(const CurrentStream&) = delete;
  CurrentStream& operator=(const CurrentStream&) = delete;
  ~CurrentStream();

 private:
  int device_;
  millrace::cuda::api::Stream before_;
};

/// Slices that are in use, on all devices.
size_t slices_in_use();

/// Frees the blocks of which no slice is in use.
void empty_cache();

}  // namespace fake_torch
