#include "millrace/loader/device/device_slot.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/stream.h"

namespace millrace {
namespace {

uint64_t aligned(uint64_t bytes) {
  constexpr uint64_t kAlignment = cuda::DeviceArena::kAlignment;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool is_cuda(const at::Tensor& tensor) { return tensor.defined() && tensor.is_cuda(); }

uint64_t bytes_of(std::span<const at::Tensor> tensors) {
  uint64_t bytes = 0;
  for (const auto& tensor : tensors)
    if (is_cuda(tensor)) bytes += aligned(tensor.nbytes());
  return bytes;
}

cuda::api::DevicePtr address_of(const at::Tensor& tensor) {
  return reinterpret_cast<cuda::api::DevicePtr>(tensor.const_data_ptr());
}

}  // namespace

std::vector<uint64_t> DeviceSlot::store(std::span<const at::Tensor> tensors) {
  std::vector<uint64_t> offsets(tensors.size(), 0);
  if (std::none_of(tensors.begin(), tensors.end(), is_cuda)) return offsets;
  const uint64_t bytes = bytes_of(tensors);
  if (!arena_)
    throw std::invalid_argument("a batch has CUDA tensors of " + std::to_string(bytes) +
                                " bytes, and the loader no memory on a device to deliver them in: set "
                                "DataLoaderOptions::device and device_batch_bytes, or make CPU tensors");
  if (bytes > arena_->slot_bytes())
    throw std::length_error("the CUDA tensors of a batch take " + std::to_string(bytes) +
                            " bytes, each rounded up to a multiple of " +
                            std::to_string(cuda::DeviceArena::kAlignment) +
                            ", but DataLoaderOptions::device_batch_bytes "
                            "is " +
                            std::to_string(arena_->slot_bytes()) + ": raise it, or use a smaller batch_size");

  const int device = arena_->device();
  std::vector<at::Tensor> sources;  // Made before the first copy begins: that may fail.
  for (const auto& tensor : tensors) {
    if (!is_cuda(tensor)) continue;
    if (tensor.device().index() != device)
      throw std::invalid_argument("a batch has a tensor on " + tensor.device().str() +
                                  ", but the loader delivers on cuda:" + std::to_string(device) +
                                  " (as this process counts devices): make it there, or set DataLoaderOptions::device");
    sources.push_back(tensor.detach().resolve_conj().resolve_neg().contiguous());
  }

  const cuda::CurrentContext context(device);
  const cuda::api::Stream stream = cuda::current_stream(device);
  const cuda::api::DevicePtr slot = arena_->slot(slot_);
  uint64_t end = 0;
  auto source = sources.begin();
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (!is_cuda(tensors[t])) continue;
    offsets[t] = end;
    if (source->nbytes() > 0)
      MILLRACE_CUDA(memcpy_dtod_async, slot + end, address_of(*source), source->nbytes(), stream);
    end += aligned(source->nbytes());
    ++source;
  }
  MILLRACE_CUDA(stream_synchronize, stream);
  return offsets;
}

}  // namespace millrace
