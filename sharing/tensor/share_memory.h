#pragma once

#include <ATen/core/Tensor.h>

namespace millrace {

/// Moves the tensor's storage to shared memory, in place, and returns the tensor; all views of the storage follow. Does
/// nothing for tensors that are there and for CUDA tensors. The storage cannot be resized afterwards. Throws
/// std::invalid_argument for tensors without a dense storage, OutOfSharedMemory, SyscallError.
const at::Tensor& share_memory_(const at::Tensor& tensor);

/// Whether other processes see what is written into the tensor once it is sent. That is so after share_memory_(), after
/// the tensor was sent or received, and always for CUDA tensors.
bool is_shared(const at::Tensor& tensor);

/// Calls share_memory_() for a module's parameters and buffers and for those gradients that exist. `module` is a
/// torch::nn::Module or anything with parameters() and buffers().
///
/// A gradient made later belongs to the process that made it. To share gradients, make them first:
/// `p.mutable_grad() = at::zeros_like(p)`, and train without setting them to none (zero_grad(false)).
template <class Module>
Module& share_memory(Module& module) {
  for (const at::Tensor& parameter : module.parameters()) {
    share_memory_(parameter);
    if (parameter.grad().defined()) share_memory_(parameter.grad());
  }
  for (const at::Tensor& buffer : module.buffers()) share_memory_(buffer);
  return module;
}

}  // namespace millrace
