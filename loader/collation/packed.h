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
  uint32_t samples = 0;             ///< In it; 0 from a stream that has none left.
  uint32_t skipped = 0;             ///< Of a stream, that could not be read.
  std::string error;                ///< Why the first of those could not.
  bool ended = false;               ///< The stream has none behind it.
  std::vector<std::byte> state;     ///< Of the stream behind this batch; empty without one.
  std::vector<std::byte> value;     ///< Encoded.
  std::vector<at::Tensor> tensors;  ///< What the value refers to, in its order.
};

/// What the trainer asks of a stream: the `batch_size` samples behind `position`. A worker that does not have the
/// stream there goes back to the known place and on from it.
struct StreamRequest {
  int64_t epoch = 0;
  int64_t stream = 0;
  int64_t num_streams = 1;
  int64_t position = 0;
  int64_t batch_size = 1;
  bool drop_last = false;
  bool skip_errors = false;            ///< A sample that cannot be read is left out, and the batch is shorter.
  int64_t known_position = 0;          ///< At most `position`.
  std::vector<std::byte> known_state;  ///< Of the dataset there; empty when it has none, or is at its beginning.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(epoch, stream, num_streams, position, batch_size, drop_last, skip_errors, known_position, known_state);
  }
};

/// A batch laid out: how many bytes it takes, and then the writing. Borrows the batch. Its CUDA tensors lie elsewhere,
/// in device memory, and take none. Throws std::invalid_argument for tensors that are not strided.
class PackedLayout {
 public:
  /// `device_offsets` says, for each tensor, where in the device memory of the batch's slot a CUDA tensor begins; to
  /// know the size none are needed.
  explicit PackedLayout(const PackedBatch& batch, std::span<const uint64_t> device_offsets = {});

  size_t bytes() const { return bytes_; }

  /// REQUIRES: memory of at least bytes() bytes, aligned to 64; device_offsets if there are CUDA tensors.
  void write(std::span<std::byte> memory) const;

 private:
  const PackedBatch& batch_;
  std::vector<std::byte> description_;
  std::vector<uint64_t> offsets_;  // Of the tensors, from the first one's place.
  size_t tensors_ = 0;             // Where that is.
  size_t bytes_ = 0;
};

/// The device memory that belongs to a batch's slot, for its CUDA tensors. None by default.
struct DeviceMemory {
  int device = 0;
  uint64_t address = 0;  ///< The driver's.
  size_t bytes = 0;
  std::shared_ptr<void> owner = {};  ///< Kept alive by the tensors there.
};

/// The batch that lies in `memory`, which the worker that wrote it may have garbled: throws DecodeError. Its tensors
/// are views that keep `owner` alive, or that of the device memory; everything else is copied.
PackedBatch read_packed(std::span<std::byte> memory, const std::shared_ptr<void>& owner,
                        const DeviceMemory& device = {});

/// As a slot's contents: the batch did not fit and comes by message.
void write_spilled(std::span<std::byte> memory);
bool is_spilled(std::span<const std::byte> memory);

/// Puts `value` into the batch.
template <class T>
void pack_value(PackedBatch& batch, const T& value) {
  EncodeArchive archive;
  auto& aside = archive.memory<TensorsAside>();
  aside.on = true;
  archive(value);
  batch.tensors = std::move(aside.tensors);
  Encoded encoded = archive.take();
  if (!encoded.fds.empty()) throw std::invalid_argument("a batch cannot carry descriptors, queues or processes");
  batch.value = std::move(encoded.bytes);
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
