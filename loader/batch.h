#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/loader/device/guarded_slot.h"
#include "millrace/loader/normalize.h"

namespace millrace {

struct Delivery;

/// What next() gives: named tensors whose memory the workers wrote, with nothing copied.
///
/// The tensors are views of a slot of the loader's shared memory. They stay valid and unchanged until the last of them,
/// and of the tensors that share their storage, is gone; then the slot is filled anew. To keep one for long, clone()
/// it. They may outlive the loader, and may be written to. If a worker or the fork server dies they are not affected.
///
/// A batch of a loader with pin_memory() may be dropped, and its tensors too, while a device still copies from it: its
/// slot is filled anew only when the copies that to() began are done, and with them all work that was queued on the
/// streams of record_stream() and on those that are current in the loader's thread when it looks. The same holds for
/// CUDA tensors that a worker made (device_batch_bytes): they too lie in a slot, of which torch's own
/// Tensor.record_stream knows nothing. Other tensors on a device, from to() or from a loader with device(), are memory
/// of torch's allocator like any other: no slot is behind them.
///
/// Move-only. A batch may be used and dropped on any thread. In a process that was forked from the loader's, whatever
/// gives tensors out or touches the device throws std::logic_error that names both: the parent may drop the batch, and
/// then the slot is filled anew under the child's eyes. Tensors that were taken out before the fork cannot refuse:
/// clone those that a child is to have.
class Batch {
 public:
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  /// The first field, {size(), shape of the field...}.
  const at::Tensor& data() const { return field(0); }

  /// The second field, often the labels.
  const at::Tensor& target() const { return field(1); }

  /// The field of that name. Throws std::out_of_range, naming the fields there are; std::invalid_argument when it is no
  /// tensor.
  const at::Tensor& operator[](std::string_view name) const { return own_columns().tensor(name); }

  /// The field of strings of that name, one string a sample. Throws as operator[] when there is none or it is of
  /// another kind.
  const std::vector<std::string>& strings(std::string_view name) const { return columns_.strings(name); }
  /// The field of tensors of different sizes of that name, one tensor a sample. Throws as strings().
  const std::vector<at::Tensor>& tensors(std::string_view name) const { return own_columns().tensors(name); }

  bool contains(std::string_view name) const { return columns_.contains(name); }

  /// All fields, in order.
  const Columns& columns() const { return own_columns(); }

  /// Samples in this batch; the last one of an epoch may be short.
  int64_t size() const { return size_; }

  /// The samples' indices in the dataset, row by row; empty where the dataset has no indices.
  const std::vector<int64_t>& indices() const { return indices_; }

  int64_t epoch() const { return epoch_; }

  /// Whether the tensors are in page-locked memory, from which devices copy on their own and at full speed.
  bool is_pinned() const { return pinned_; }

  /// The batch on a CUDA device; on the CPU, where it is, the same tensors. Strings stay, tensors of different sizes
  /// are copied one by one, tensors that are on a device already stay where they are.
  ///
  /// The memory is of torch's allocator, taken on the current stream of the device. The copies run on a stream of the
  /// loader's own, straight from the slot; the current stream waits for them, this thread only with `non_blocking`
  /// false. Where memory is not pinned on purpose (no pin_memory()) nothing keeps a slot in place, and this thread
  /// waits in any case.
  ///
  /// Throws std::invalid_argument for a device of another kind or one that there is not; std::logic_error for a batch
  /// that is on a device, and while the current stream captures a CUDA graph; cuda::CudaUnavailable without a driver or
  /// without LibTorch's CUDA part; cuda::CudaError; and what torch's allocator throws.
  Batch to(c10::Device device, bool non_blocking = true) const&;

  /// The batch on `device` as to(device) gives it, with its first field, pictures uint8 {size(), C, H, W}, made a
  /// model's input there: (x / 255 - mean) / std in normalize.dtype, by one kernel on the current stream. It works on
  /// the CPU too, and for a batch that is on the device already. Throws as to(device) and finish().
  Batch to(c10::Device device, const transforms::Normalize& normalize, bool non_blocking = true) const&;

  /// Names a CUDA stream whose work uses the batch's tensors, is queued by now or later, and is not waited for before
  /// the batch is dropped: the slot is not filled anew while that work runs. It is PyTorch's Tensor.record_stream, for
  /// pinned host memory too. The stream must live until that work is done. Throws as to().
  void record_stream(c10::Stream stream) const;

 private:
  friend class DataLoaderBase;

  explicit Batch(Delivery delivery);
  Batch(const Batch&) = default;

  const at::Tensor& field(size_t number) const;
  const Columns& own_columns() const;
  void require_owner() const;

  pid_t owner_;
  std::vector<int64_t> indices_;
  int64_t size_;
  int64_t epoch_;
  GuardedSlot guarded_;
  bool pinned_;
  bool on_device_;
  Columns columns_;
};

}  // namespace millrace
