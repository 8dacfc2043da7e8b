#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "millrace/sharing/codec/archive.h"

namespace millrace {

/// How tensors travel: this header makes at::Tensor a type of the codec, so that tensors, containers of them and
/// structs with tensor members can be sent over queues and pipes, and be arguments of processes.
///
/// The storage moves to shared memory, once and in place. The receiver's tensor is the same memory with the same sizes,
/// strides and offset, so what one side writes the other sees. Tensors of one storage alias at the receiver too, within
/// a message, and across messages while it has one of them. A tensor that is sent to its own process comes back with
/// the storage it had. The sender may exit before the receiver looks.
///
/// CUDA tensors stay where they are: the receiver gets the same memory of the same device, which belongs to the process
/// that allocated it. sharing/cuda/ipc/ipc.h says how long it is good, what happens to it when a process ends, and what
/// else sending throws.
///
/// requires_grad is kept, and an existing .grad travels along and is shared as well (PyTorch promises that, and sends
/// none). Undefined tensors arrive undefined. Descriptors: see memory/shared_block.h; none for each tensor.
///
/// Saving throws std::invalid_argument, in the caller, for what cannot be sent: tensors with history (non-leaves that
/// require grad), sparse, nested, quantized, named and opaque tensors, those of other devices; OutOfSharedMemory when
/// there is no room. Loading throws DecodeError when sizes, strides and memory do not agree.
void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const at::Tensor& tensor);
void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, at::Tensor& tensor);

/// Tensors that are put aside, for messages whose tensors somebody else places. While an archive's memory has this
/// switched on, tensors are not moved to shared memory but collected here, in the order in which they are met. The
/// message says only which tensor is where; the reader lays out the same list beforehand.
struct TensorsAside {
  bool on = false;
  std::vector<at::Tensor> tensors;
};

namespace detail {

/// Throws std::invalid_argument, which says why, unless the tensor has one ordinary storage, on the CPU or on CUDA.
void require_dense(const at::Tensor& tensor);

}  // namespace detail
}  // namespace millrace
