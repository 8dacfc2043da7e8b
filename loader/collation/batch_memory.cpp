#include "millrace/loader/collation/batch_memory.h"

#include <ATen/ops/empty.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <utility>

#include "millrace/loader/collation/packed.h"
#include "millrace/sharing/tensor/tensor_view.h"

namespace millrace {
namespace {
thread_local BatchMemory* t_current = nullptr;
}  // namespace

BatchMemory::BatchMemory(std::span<std::byte> body) : free_(body), outer_(std::exchange(t_current, this)) {}

BatchMemory::~BatchMemory() { t_current = outer_; }

at::Tensor BatchMemory::empty(at::IntArrayRef sizes, c10::ScalarType dtype) {
  size_t bytes = c10::elementSize(dtype);
  bool is_possible = true;  // What is padded may be larger by far than what it is made of; at::empty() refuses it.
  for (const int64_t size : sizes) is_possible &= !__builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes);
  if (t_current != nullptr && is_possible && bytes > 0 && bytes <= t_current->free_.size()) {
    auto& free = t_current->free_;
    const auto end = reinterpret_cast<uintptr_t>(free.data() + free.size() - bytes);
    const size_t skipped = end % PackedLayout::kAlignment;
    if (const size_t left = free.size() - bytes; left >= skipped) {
      free = free.first(left - skipped);
      return tensor_view(free.data() + free.size(), sizes, dtype, c10::kCPU, nullptr);
    }
  }
  return at::empty(sizes, at::TensorOptions(dtype));
}

}  // namespace millrace
