#include "millrace/loader/collation/packed.h"

#include <ATen/ops/clone.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "millrace/loader/collation/plain_elements.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/tensor/tensor_codec.h"
#include "millrace/sharing/tensor/tensor_view.h"

namespace millrace {
namespace {

constexpr uint64_t kPacked = 0x6b6361706c6c696dULL;
constexpr uint64_t kSpilled = 0x6c6970736c6c696dULL;
size_t aligned(size_t offset) { return round_up(offset, PackedLayout::kAlignment); }

// The head of a packed batch. Behind it: description, value, state, error, then the tensors at multiples of 64 bytes.
struct Header {
  uint64_t mark = kPacked;
  uint64_t description_bytes = 0;
  uint64_t value_bytes = 0;
  uint64_t state_bytes = 0;
  uint64_t error_bytes = 0;
  uint32_t samples = 0;
  uint32_t skipped = 0;
  uint32_t ended = 0;
};

struct TensorPlace {
  int8_t dtype = 0;
  bool on_device = false;
  std::vector<int64_t> sizes;
  uint64_t offset = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(dtype, on_device, sizes, offset);
  }
};

// Bytes of the tensor; throws when no tensor can be like that.
size_t checked_bytes(const TensorPlace& place) {
  const auto dtype = static_cast<c10::ScalarType>(place.dtype);
  if (place.dtype < 0 || dtype >= c10::ScalarType::Undefined || c10::isQIntType(dtype))
    throw DecodeError("a batch has a tensor of an unknown dtype, number " + std::to_string(place.dtype));
  size_t bytes = c10::elementSize(dtype);
  for (const int64_t size : place.sizes)
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes))
      throw DecodeError("a batch has a tensor of impossible size");
  return bytes;
}

// Where in `memory` the tensor lies as it would be written there; nothing where it does not.
std::optional<size_t> place_in(std::span<const std::byte> memory, const at::Tensor& tensor) {
  if (memory.empty() || tensor.numel() == 0 || !tensor.is_cpu() || !has_plain_elements(tensor)) return std::nullopt;
  const auto begin = reinterpret_cast<uintptr_t>(memory.data());
  const auto at = reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
  if (at < begin || at - begin >= memory.size()) return std::nullopt;
  const size_t offset = at - begin;
  if (offset % PackedLayout::kAlignment != 0 || tensor.nbytes() > memory.size() - offset) return std::nullopt;
  return offset;
}

}  // namespace

PackedLayout::PackedLayout(const PackedBatch& batch, std::span<const uint64_t> device_offsets,
                           std::span<const std::byte> memory)
    : batch_(batch), sources_(batch.tensors) {
  if (place(device_offsets, memory)) return;
  // What is written first, from the beginning of the memory on, would overwrite them.
  for (size_t t = 0; t < sources_.size(); ++t)
    if (!sources_[t].defined() && batch.tensors[t].defined() && !batch.tensors[t].is_cuda())
      sources_[t] = batch.tensors[t].clone();
  place(device_offsets, {});
}

// False when those tensors that lie in `memory` cannot stay there; they have no source then.
bool PackedLayout::place(std::span<const uint64_t> device_offsets, std::span<const std::byte> memory) {
  std::vector<TensorPlace> places;
  uint64_t offset = 0;
  size_t first_there = memory.size(), end_there = 0;
  offsets_.clear();
  for (size_t t = 0; t < batch_.tensors.size(); ++t) {
    const at::Tensor& tensor = batch_.tensors[t];
    offsets_.push_back(offset);
    if (!tensor.defined()) {
      places.push_back({static_cast<int8_t>(c10::ScalarType::Undefined), false, {}, offset});
      continue;
    }
    if (tensor.layout() != c10::kStrided || tensor.is_quantized())
      throw std::invalid_argument(
          "a batch carries strided tensors only: convert sparse, nested and quantized ones in the collate function");
    const auto dtype = static_cast<int8_t>(tensor.scalar_type());
    if (tensor.is_cuda()) {
      places.push_back({dtype, true, tensor.sizes().vec(), device_offsets.empty() ? 0 : device_offsets[t]});
      sources_[t].reset();
      continue;
    }
    if (const auto there = place_in(memory, tensor)) {
      places.push_back({dtype, false, tensor.sizes().vec(), *there});
      sources_[t].reset();
      first_there = std::min(first_there, *there);
      end_there = std::max(end_there, *there + tensor.nbytes());
      continue;
    }
    places.push_back({dtype, false, tensor.sizes().vec(), offset});
    offset = aligned(offset + tensor.nbytes());
  }
  description_ = encode(places).bytes;
  tensors_ =
      aligned(sizeof(Header) + description_.size() + batch_.value.size() + batch_.state.size() + batch_.error.size());
  bytes_ = tensors_ + offset;
  if (end_there == 0) return true;
  if (bytes_ > first_there) return false;
  bytes_ = end_there;
  for (size_t t = 0; t < places.size(); ++t)
    if (batch_.tensors[t].defined() && !places[t].on_device && !sources_[t].defined()) places[t].offset -= tensors_;
  description_ = encode(places).bytes;  // Of the same size: numbers take what they take, whatever they are.
  return true;
}

void PackedLayout::write(std::span<std::byte> memory) const {
  const Header header{
      kPacked,        description_.size(), batch_.value.size(), batch_.state.size(), batch_.error.size(),
      batch_.samples, batch_.skipped,      batch_.ended};
  std::byte* at = memory.data();
  const auto append = [&](const void* data, size_t size) {
    if (size != 0) std::memcpy(at, data, size);
    at += size;
  };
  append(&header, sizeof header);
  append(description_.data(), description_.size());
  append(batch_.value.data(), batch_.value.size());
  append(batch_.state.data(), batch_.state.size());
  append(batch_.error.data(), batch_.error.size());
  for (size_t t = 0; t < sources_.size(); ++t) {
    const at::Tensor& tensor = sources_[t];
    if (!tensor.defined() || tensor.numel() == 0) continue;
    std::byte* place = memory.data() + tensors_ + offsets_[t];
    if (tensor.is_cpu() && has_plain_elements(tensor))
      std::memcpy(place, tensor.const_data_ptr(), tensor.nbytes());
    else
      at::from_blob(place, tensor.sizes(), at::TensorOptions(tensor.scalar_type())).copy_(tensor.detach());
  }
}

PackedBatch read_packed(std::span<std::byte> memory, const std::shared_ptr<void>& owner, const DeviceMemory& device) {
  Header header;
  if (memory.size() < sizeof header) throw DecodeError("a batch is too short");
  std::memcpy(&header, memory.data(), sizeof header);  // A copy: what is checked must be what is used.
  size_t left = memory.size() - sizeof header;
  if (header.mark != kPacked) throw DecodeError("there is no batch where one should be");
  std::byte* at = memory.data() + sizeof header;
  const auto take = [&](uint64_t size) {
    if (size > left) throw DecodeError("a batch says that it is longer than its memory");
    std::vector<std::byte> bytes(at, at + size);
    at += size;
    left -= size;
    return bytes;
  };
  PackedBatch batch;
  const auto description = take(header.description_bytes);
  batch.value = take(header.value_bytes);
  batch.state = take(header.state_bytes);
  for (const std::byte byte : take(header.error_bytes)) batch.error += std::to_integer<char>(byte);
  batch.samples = header.samples;
  batch.skipped = header.skipped;
  batch.ended = header.ended != 0;

  std::vector<TensorPlace> places;
  DecodeArchive archive(description, {});
  archive(places);
  const size_t begin = std::min(aligned(static_cast<size_t>(at - memory.data())), memory.size());
  const auto tensors = memory.subspan(begin);
  for (const auto& place : places) {
    if (place.dtype == static_cast<int8_t>(c10::ScalarType::Undefined)) {
      batch.tensors.emplace_back();
      continue;
    }
    const size_t bytes = checked_bytes(place);
    const size_t room = place.on_device ? device.bytes : tensors.size();
    if (place.offset > room || bytes > room - place.offset || place.offset % PackedLayout::kAlignment != 0)
      throw DecodeError("a batch has a tensor that lies outside its memory");
    const auto dtype = static_cast<c10::ScalarType>(place.dtype);
    if (place.on_device)
      batch.tensors.push_back(tensor_view(reinterpret_cast<void*>(device.address + place.offset), place.sizes, dtype,
                                          {c10::kCUDA, static_cast<c10::DeviceIndex>(device.device)}, device.owner));
    else
      batch.tensors.push_back(tensor_view(tensors.data() + place.offset, place.sizes, dtype, c10::kCPU, owner));
  }
  return batch;
}

void write_spilled(std::span<std::byte> memory) { std::memcpy(memory.data(), &kSpilled, sizeof kSpilled); }

bool is_spilled(std::span<const std::byte> memory) {
  return std::memcmp(memory.data(), &kSpilled, sizeof kSpilled) == 0;
}

}  // namespace millrace
