#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/sharing/cuda/device_arena.h"

namespace millrace {

/// The device memory that belongs to a granted slot, for the worker that fills the slot: the batch's CUDA tensors go
/// here. Used by the thread that made it, which fills one slot at a time.
///
/// If the process dies here: the slot was not published, so nobody reads it. Work that was begun on the device may
/// write to it for some time yet; the trainer waits that time before it grants the slot again.
class DeviceSlot {
 public:
  /// Slot number `slot` of the arena, which is borrowed; null for a loader without device memory.
  DeviceSlot(cuda::DeviceArena* arena, size_t slot);
  DeviceSlot(const DeviceSlot&) = delete;
  DeviceSlot& operator=(const DeviceSlot&) = delete;
  ~DeviceSlot();

  /// The slot that this thread fills; null in other threads.
  static DeviceSlot* current();

  /// The tensor that empty_in_batch() gives.
  at::Tensor empty(at::IntArrayRef sizes, at::ScalarType dtype);

  /// Copies those CUDA tensors that lie elsewhere into the slot, on torch's current stream of its device, and returns
  /// when all work of that stream is done. Gives for each tensor where it begins in the slot, 0 for CPU tensors. Throws
  /// std::invalid_argument without an arena and for tensors of another device, std::length_error for more than fits,
  /// CudaError, CudaUnavailable.
  std::vector<uint64_t> store(std::span<const at::Tensor> tensors);

  /// Waits for the work that was begun in the slot. To be called in place of store(), when there will be no batch.
  void abandon() noexcept;

 private:
  bool holds(const at::Tensor& tensor) const;
  std::vector<at::Tensor> sources(std::span<const at::Tensor> tensors) const;
  void require_room(uint64_t more) const;

  cuda::DeviceArena* arena_;
  size_t slot_;
  uint64_t used_ = 0;  // Bytes used, from the slot's beginning.
};

}  // namespace millrace
