#include "millrace/loader/device/device_slot.h"

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/loader/device/empty_in_batch.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/tensor/tensor_view.h"

namespace millrace {
namespace {

constexpr uint64_t kAlignment = cuda::DeviceArena::kAlignment;

thread_local DeviceSlot* current_slot = nullptr;

uint64_t aligned(uint64_t bytes) { return round_up(bytes, kAlignment); }

bool is_cuda(const at::Tensor& tensor) { return tensor.defined() && tensor.is_cuda(); }

cuda::api::DevicePtr address_of(const at::Tensor& tensor) {
  return reinterpret_cast<cuda::api::DevicePtr>(tensor.const_data_ptr());
}

}  // namespace

DeviceSlot::DeviceSlot(cuda::DeviceArena* arena, size_t slot) : arena_(arena), slot_(slot) { current_slot = this; }

DeviceSlot::~DeviceSlot() { current_slot = nullptr; }

DeviceSlot* DeviceSlot::current() { return current_slot; }

void DeviceSlot::require_room(uint64_t more) const {
  const std::string needed = std::to_string(used_ + more) + " bytes";
  if (!arena_)
    throw std::invalid_argument("a batch has CUDA tensors of " + needed +
                                ", and the loader no memory on a device to deliver them in: set "
                                "DataLoaderOptions::device and device_batch_bytes, or make CPU tensors");
  if (used_ + more > arena_->slot_bytes())
    throw std::length_error("the CUDA tensors of a batch take " + needed + ", each rounded up to a multiple of " +
                            std::to_string(kAlignment) + ", but DataLoaderOptions::device_batch_bytes gives it " +
                            std::to_string(arena_->slot_bytes()) + ": raise it, or use a smaller batch_size");
}

at::Tensor DeviceSlot::empty(at::IntArrayRef sizes, at::ScalarType dtype) {
  uint64_t bytes = c10::elementSize(dtype);
  for (const int64_t size : sizes) bytes *= static_cast<uint64_t>(std::max<int64_t>(size, 0));
  require_room(aligned(bytes));
  const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(arena_->device()));
  void* const memory = reinterpret_cast<void*>(arena_->slot(slot_) + used_);
  used_ += aligned(bytes);
  return tensor_view(memory, sizes, dtype, device, nullptr);
}

// Whether it is one that empty() gave, or a part of one.
bool DeviceSlot::holds(const at::Tensor& tensor) const {
  if (used_ == 0 || !tensor.is_contiguous() || tensor.is_conj() || tensor.is_neg()) return false;
  const uint64_t offset = address_of(tensor) - arena_->slot(slot_);  // Wraps round for what lies before it.
  return offset < used_ && offset % kAlignment == 0;
}

// The CUDA tensors as they are copied.
std::vector<at::Tensor> DeviceSlot::sources(std::span<const at::Tensor> tensors) const {
  std::vector<at::Tensor> sources;
  for (const auto& tensor : tensors) {
    if (!is_cuda(tensor)) continue;
    if (tensor.device().index() != arena_->device())
      throw std::invalid_argument("a batch has a tensor on " + tensor.device().str() +
                                  ", but the loader delivers on cuda:" + std::to_string(arena_->device()) +
                                  " (as the worker counts devices): make it there, or set DataLoaderOptions::device");
    sources.push_back(tensor.detach().resolve_conj().resolve_neg().contiguous());
  }
  return sources;
}

std::vector<uint64_t> DeviceSlot::store(std::span<const at::Tensor> tensors) {
  std::vector<uint64_t> offsets(tensors.size(), 0);
  if (std::none_of(tensors.begin(), tensors.end(), is_cuda)) return offsets;
  uint64_t more = 0;
  for (const auto& tensor : tensors)
    if (is_cuda(tensor) && !holds(tensor)) more += aligned(tensor.nbytes());
  require_room(more);
  const auto contiguous = sources(tensors);

  const cuda::CurrentContext context(arena_->device());
  const cuda::api::Stream stream = cuda::current_stream(arena_->device());
  const cuda::api::DevicePtr slot = arena_->slot(slot_);
  auto source = contiguous.begin();
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (!is_cuda(tensors[t])) continue;
    const at::Tensor& from = *source++;
    if (holds(from)) {
      offsets[t] = address_of(from) - slot;
      continue;
    }
    offsets[t] = used_;
    used_ += aligned(from.nbytes());
    if (from.nbytes() > 0) MILLRACE_CUDA(memcpy_dtod_async, slot + offsets[t], address_of(from), from.nbytes(), stream);
  }
  MILLRACE_CUDA(stream_synchronize, stream);
  return offsets;
}

void DeviceSlot::abandon() noexcept {
  if (used_ == 0) return;
  try {
    const cuda::CurrentContext context(arena_->device());
    MILLRACE_CUDA(stream_synchronize, cuda::current_stream(arena_->device()));
  } catch (const std::exception&) {
    // The context is lost: nothing is at work in it.
  }
}

at::Tensor empty_in_batch(at::IntArrayRef sizes, at::ScalarType dtype) {
  if (DeviceSlot* const slot = DeviceSlot::current()) return slot->empty(sizes, dtype);
  throw std::logic_error("empty_in_batch() was called outside of a worker that is making a batch");
}

}  // namespace millrace
