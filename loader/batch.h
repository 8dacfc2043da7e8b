#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/loader/delivery.h"

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
  explicit Batch(Delivery delivery);
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  /// The first field, {size(), shape of the field...}.
  const at::Tensor& data() const { return field(0); }

  /// The second field, often the labels.
  const at::Tensor& target() const { return field(1); }

  /// The field of that name. Throws std::out_of_range, naming the fields there are; std::invalid_argument when it is no
  /// tensor.
  const at::Tensor& operator[](std::string_view name) const { return columns_.tensor(name); }

  /// A field of strings, one a sample; one of tensors of different sizes.
  const std::vector<std::string>& strings(std::string_view name) const { return columns_.strings(name); }
  const std::vector<at::Tensor>& tensors(std::string_view name) const { return columns_.tensors(name); }

  bool contains(std::string_view name) const { return columns_.contains(name); }

  /// All fields, in order.
  const Columns& columns() const { return columns_; }

  /// Samples in this batch; the last one of an epoch may be short.
  int64_t size() const { return size_; }

  /// The samples' indices in the dataset, row by row; empty where it has none.
  const std::vector<int64_t>& indices() const { return indices_; }

  int64_t epoch() const { return epoch_; }

 private:
  const at::Tensor& field(size_t number) const;

  Columns columns_;
  std::vector<int64_t> indices_;
  int64_t size_;
  int64_t epoch_;
};

}  // namespace millrace
