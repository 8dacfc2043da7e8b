#pragma once

#include <c10/core/Allocator.h>

#include "millrace/sharing/cuda/driver_api.h"

namespace fake_torch {

/// Torch's CUDA allocator in small; fake_torch.h says what it does. Thread-safe, never destroyed.
class SliceAllocator final : public c10::Allocator {
 public:
  static SliceAllocator& instance();

  c10::DataPtr allocate(size_t bytes) override;
  void copy_data(void* to, const void* from, std::size_t bytes) const override;

  /// The slice is not given out again before the work that the stream has then.
  void record(const c10::DataPtr& data, millrace::cuda::api::Stream stream);

  size_t slices_in_use() const;
  void empty_cache();

 private:
  SliceAllocator() = default;
};

}  // namespace fake_torch
