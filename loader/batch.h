#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "millrace/loader/sample.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/slot_layout.h"

namespace millrace {

/// What next() gives: named tensors whose memory the workers wrote, with nothing copied.
///
/// The tensors are views of a slot of the loader's shared memory. They stay valid and unchanged until the last of them,
/// and of the tensors that share their storage, is gone; then the slot is filled anew. To keep one for long, clone()
/// it. They may outlive the loader, and may be written to. If a worker or the fork server dies they are not affected.
///
/// Move-only. A batch may be used and dropped on any thread.
class Batch {
 public:
  Batch(std::shared_ptr<const SampleSpec> spec, const SlotLayout& layout, std::byte* slot, std::shared_ptr<Lease> lease,
        std::vector<int64_t> indices, int64_t epoch);
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  /// The first field, {size(), shape of the field...}.
  const at::Tensor& data() const { return field(0); }

  /// The second field, often the labels.
  const at::Tensor& target() const { return field(1); }

  /// The field of that name. Throws std::out_of_range, naming the fields there are.
  const at::Tensor& operator[](std::string_view name) const;

  const SampleSpec& spec() const { return *spec_; }

  /// Samples in this batch; the last one of an epoch may be short.
  int64_t size() const { return static_cast<int64_t>(indices_.size()); }

  /// The samples' indices in the dataset, row by row.
  const std::vector<int64_t>& indices() const { return indices_; }

  int64_t epoch() const { return epoch_; }

 private:
  const at::Tensor& field(size_t number) const;

  std::shared_ptr<const SampleSpec> spec_;
  std::vector<at::Tensor> fields_;
  std::vector<int64_t> indices_;
  int64_t epoch_;
};

}  // namespace millrace
