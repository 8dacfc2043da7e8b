#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace millrace::cuda {

/// Whether the device reads the host's memory through the host's page tables (Grace and its like). Such memory need not
/// be pinned, and registering it would only touch its pages.
bool reads_pageable_memory(int device);

/// Memory of this process, page-locked and known to every device by cuMemHostRegister, so that they copy from it on
/// their own and at full speed. It does not matter whose pages they are: those of a shared segment are written by other
/// processes as before. Move-only.
///
/// The memory must stay mapped for the life of the object, and the object must live until every copy that reads or
/// writes the memory is done. In a child that was forked off this process the object does nothing.
class PinnedSpan {
 public:
  /// Pins the memory through the device's context. Throws CudaUnavailable, or CudaError: then nothing is pinned. Memory
  /// that is pinned already is refused. Takes about 0.1 s/GiB of memory that was touched before.
  PinnedSpan(std::span<std::byte> memory, int device);
  PinnedSpan(PinnedSpan&& other) noexcept;
  PinnedSpan& operator=(PinnedSpan&& other) noexcept;
  ~PinnedSpan();

  size_t bytes() const;

  /// Leaves the memory pinned for the life of the process.
  void leak() noexcept { parts_.clear(); }

 private:
  void unpin() noexcept;

  int device_;
  std::vector<std::span<std::byte>> parts_;
};

}  // namespace millrace::cuda
