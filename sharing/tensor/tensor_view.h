#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>

namespace millrace {

/// A dense tensor over memory that exists already, on `device`. Its storage keeps `owner`, and with it the memory; a
/// null owner is for memory that outlives the tensor.
at::Tensor tensor_view(void* data, at::IntArrayRef sizes, at::ScalarType dtype, c10::Device device,
                       std::shared_ptr<void> owner);

}  // namespace millrace
