#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace millrace {

/// A batch that is no table of fixed rows: one value of any type the codec knows, its tensors beside it.
///
/// On its way it is laid out in one piece of memory, so that the trainer's tensors are views of what the worker wrote.
struct PackedBatch {
  uint32_t samples = 0;             ///< Samples in the batch; 0 from a stream that has none left.
  uint32_t skipped = 0;             ///< Samples of a stream that could not be read.
  std::string error;                ///< Why the first of the skipped samples could not be read.
  bool ended = false;               ///< Whether the stream has no sample behind this batch.
  std::vector<std::byte> state;     ///< The stream's state behind this batch; empty without one.
  std::vector<std::byte> value;     ///< The batch's value, encoded.
  std::vector<at::Tensor> tensors;  ///< The tensors that the value refers to, in its order.
};

/// What the trainer asks of a stream: the `batch_size` samples behind `position`. A worker that does not have the
/// stream there goes back to the known position, and reads on from it.
struct StreamRequest {
  int64_t epoch = 0;
  int64_t stream = 0;
  int64_t num_streams = 1;
  int64_t position = 0;
  int64_t batch_size = 1;
  bool drop_last = false;
  bool skip_errors = false;            ///< A sample that cannot be read is left out, and the batch is shorter.
  int64_t known_position = 0;          ///< A position whose state is known, at most `position`.
  std::vector<std::byte> known_state;  ///< The dataset's state there; empty at its beginning, or without one.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(epoch, stream, num_streams, position, batch_size, drop_last, skip_errors, known_position, known_state);
  }
};

/// The layout of a batch: how many bytes it takes, and the writing. Borrows the batch. CUDA tensors lie elsewhere, in
/// device memory, and take no bytes. Throws std::invalid_argument for tensors that are not strided.
class PackedLayout {
 public:
  /// `device_offsets` says, for each tensor, where in the device memory of the batch's slot a CUDA tensor begins. The
  /// size can be asked without them. Tensors that lie in `memory` already, where the batch is going to be written
  /// (BatchMemory), stay where they are.
  explicit PackedLayout(const PackedBatch& batch, std::span<const uint64_t> device_offsets = {},
                        std::span<const std::byte> memory = {});

  /// Where tensors begin, from the batch's beginning and so in memory too.
  static constexpr size_t kAlignment = 64;

  size_t bytes() const { return bytes_; }

  /// Writes the batch to `memory`. REQUIRES: it has at least bytes() bytes, aligned to 64; device_offsets if there are
  /// CUDA tensors; it is the memory that the layout was made for, if it was for one.
  void write(std::span<std::byte> memory) const;

 private:
  bool place(std::span<const uint64_t> device_offsets, std::span<const std::byte> memory);

  const PackedBatch& batch_;
  std::vector<at::Tensor> sources_;  // What is copied to each tensor's place; undefined where nothing is.
  std::vector<std::byte> description_;
  std::vector<uint64_t> offsets_;  // Where each tensor begins, from tensors_ on.
  size_t tensors_ = 0;             // Where the first tensor begins.
  size_t bytes_ = 0;
};

/// The device memory that belongs to a batch's slot, for the batch's CUDA tensors. There is none by default.
struct DeviceMemory {
  int device = 0;
  uint64_t address = 0;  ///< The driver's address.
  size_t bytes = 0;
  std::shared_ptr<void> owner = {};  ///< Kept alive by the tensors there.
};

/// The batch that lies in `memory`. Throws DecodeError where the worker that wrote it has garbled it. Tensors are views
/// that keep `owner` alive, or the owner of the device memory; everything else is copied.
PackedBatch read_packed(std::span<std::byte> memory, const std::shared_ptr<void>& owner,
                        const DeviceMemory& device = {});

/// Writes, as a slot's contents, that the batch did not fit and comes by message.
void write_spilled(std::span<std::byte> memory);
bool is_spilled(std::span<const std::byte> memory);

/// Puts `value` into the batch.
template <class T>
void pack_value(PackedBatch& batch, const T& value) {
  thread_local size_t last_size = 0;  // Batches of one loader are of about one size.
  EncodeArchive archive;
  archive.reserve(last_size + last_size / 8);
  auto& aside = archive.memory<TensorsAside>();
  aside.on = true;
  archive(value);
  batch.tensors = std::move(aside.tensors);
  Encoded encoded = archive.take();
  if (!encoded.fds.empty()) throw std::invalid_argument("a batch cannot carry descriptors, queues or processes");
  batch.value = std::move(encoded.bytes);
  last_size = batch.value.size();
}

/// The value of a batch that read_packed() gave. Throws DecodeError.
template <class T>
T unpack_value(PackedBatch batch) {
  DecodeArchive archive(batch.value, {});
  archive.memory<TensorsAside>() = {true, std::move(batch.tensors)};
  T value;
  archive(value);
  return value;
}

}  // namespace millrace
