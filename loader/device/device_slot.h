#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/sharing/cuda/device_arena.h"

namespace millrace {

/// The device memory that belongs to a granted slot, as the worker sees it that fills the slot: here go a batch's CUDA
/// tensors. Used by the thread that made it, which fills one slot at a time.
///
/// If the process dies here: the slot was not published, so nobody reads it; what was begun on the device may be
/// written for some time yet, which the trainer waits out before it grants the slot again.
class DeviceSlot {
 public:
  /// Slot number `slot` of the arena; null is a loader without any. Borrows the arena.
  DeviceSlot(cuda::DeviceArena* arena, size_t slot);
  DeviceSlot(const DeviceSlot&) = delete;
  DeviceSlot& operator=(const DeviceSlot&) = delete;
  ~DeviceSlot();

  /// The one that this thread fills; null elsewhere.
  static DeviceSlot* current();

  /// See empty_in_batch().
  at::Tensor empty(at::IntArrayRef sizes, at::ScalarType dtype);

  /// Copies those of the tensors that are CUDA's and lie elsewhere into the slot, on torch's current stream of its
  /// device, and returns when all work of that stream is done. Gives for each tensor where it begins in the slot, 0 for
  /// those of the CPU. Throws std::invalid_argument without an arena and for tensors of another device,
  /// std::length_error for more than fits, CudaError, CudaUnavailable.
  std::vector<uint64_t> store(std::span<const at::Tensor> tensors);

  /// Instead of store(), when there will be no batch: waits for what was begun in the slot.
  void abandon() noexcept;

 private:
  bool holds(const at::Tensor& tensor) const;
  std::vector<at::Tensor> sources(std::span<const at::Tensor> tensors) const;
  void require_room(uint64_t more) const;

  cuda::DeviceArena* arena_;
  size_t slot_;
  uint64_t used_ = 0;  // Bytes, from the slot's beginning.
};

}  // namespace millrace
