#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <span>

namespace millrace {

/// The memory of the batch that this thread collates: what collators make in it need not be copied there. As PyTorch's
/// default_collate, which stacks into shared memory in a worker.
///
/// It is current in the thread that made it for as long as it lives. Tensors made in it are views that do not keep the
/// memory: they are to be packed before it is anybody else's, which is why collators of the user's get none.
class BatchMemory {
 public:
  /// `body`, which is borrowed, is where the batch is packed (PackedLayout).
  explicit BatchMemory(std::span<std::byte> body);
  BatchMemory(const BatchMemory&) = delete;
  BatchMemory& operator=(const BatchMemory&) = delete;
  ~BatchMemory();

  /// A tensor of the CPU, not initialised: in the batch's memory where there is one with room, else in its own.
  static at::Tensor empty(at::IntArrayRef sizes, c10::ScalarType dtype);

 private:
  std::span<std::byte> free_;  // Taken from its end, since its beginning is for the batch's description.
  BatchMemory* const outer_;
};

}  // namespace millrace
