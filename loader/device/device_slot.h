#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/sharing/cuda/device_arena.h"

namespace millrace {

/// The device memory that belongs to a granted slot, as the worker sees it that fills the slot: here go a batch's CUDA
/// tensors. Used by one thread.
///
/// If the process dies here: the slot was not published, so nobody reads it; what was begun on the device may be
/// written for some time yet, which the trainer waits out before it grants the slot again.
class DeviceSlot {
 public:
  /// Slot number `slot` of the arena; null is a loader without any. Borrows the arena.
  DeviceSlot(cuda::DeviceArena* arena, size_t slot) : arena_(arena), slot_(slot) {}

  /// Copies those of the tensors that are CUDA's into the slot, on torch's current stream of its device, and returns
  /// when they have arrived. Gives for each tensor where it begins in the slot, 0 for those of the CPU. Throws
  /// std::invalid_argument without an arena and for tensors of another device, std::length_error for more than fits,
  /// CudaError, CudaUnavailable.
  std::vector<uint64_t> store(std::span<const at::Tensor> tensors);

 private:
  cuda::DeviceArena* arena_;
  size_t slot_;
};

}  // namespace millrace
