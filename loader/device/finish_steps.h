#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "millrace/loader/device/finish_arguments.h"
#include "millrace/loader/device/windows.h"
#include "millrace/loader/normalize.h"

/// The parts of finish(), for callers that have a stream of their own.
namespace millrace::device {

/// Room for the result, on the pictures' device, from torch's allocator on the current stream. Throws
/// std::invalid_argument for pictures that finish() cannot take.
at::Tensor empty_finished(const at::Tensor& pictures, const transforms::Normalize& normalize,
                          const std::optional<Windows>& windows);

/// The work to be done, in terms of addresses. `out` is what empty_finished() gave for the same arguments.
FinishArguments finish_arguments(const at::Tensor& pictures, const at::Tensor& out,
                                 const transforms::Normalize& normalize, const std::optional<Windows>& windows);

/// Does the work in memory that the CPU reaches. It defines the result.
void finish_on_cpu(const FinishArguments& arguments, c10::ScalarType dtype);

/// Gives the result by torch's operations, on the current stream of any device.
at::Tensor finish_by_torch(const at::Tensor& pictures, const transforms::Normalize& normalize,
                           const std::optional<Windows>& windows);

}  // namespace millrace::device
