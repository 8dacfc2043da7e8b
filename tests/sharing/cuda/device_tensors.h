#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "millrace/sharing/cuda/ipc/transport.h"
#include "millrace/sharing/cuda/vmm.h"

/// CUDA tensors of floats on the fake driver, of both kinds of memory that torch's allocator has.
namespace millrace::cuda::test {

/// As torch's expandable segments: pieces of 2 MiB mapped side by side, of which tensors are cut wherever they fit.
class ExpandableSegment {
 public:
  static constexpr size_t kPieceBytes = 2 << 20;

  explicit ExpandableSegment(size_t pieces);

  /// `count` floats from that byte on; the memory lives as long as the tensor.
  at::Tensor tensor(size_t offset, int64_t count) const;

  /// Tensors in whose storages, or wherever those are parked, memory of it is.
  long users() const { return memory_.use_count() - 1; }

 private:
  std::shared_ptr<MappedDeviceSegment> memory_;
};

/// `count` floats of that value. Either from fake_torch's allocator, or an ExpandableSegment of its own, across two
/// pieces of it.
at::Tensor full(Transport transport, int64_t count, float value);

/// Storages made by full() whose memory is not free again.
size_t storages_in_use();

/// Reads and writes the first element through the mapping that the fake has of device memory.
float first(const at::Tensor& tensor);
void set_first(const at::Tensor& tensor, float value);

/// Whether every element of a contiguous tensor is `value`.
bool holds(const at::Tensor& tensor, float value);

std::string name_of(Transport transport);

}  // namespace millrace::cuda::test
