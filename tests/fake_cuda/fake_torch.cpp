#include "millrace/tests/fake_cuda/fake_torch.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/view_native.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <utility>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/allocator.h"
#include "millrace/tests/fake_cuda/device_guard.h"

namespace fake_torch {
namespace {

using namespace millrace::cuda;

api::DevicePtr address_of(const void* memory) { return reinterpret_cast<api::DevicePtr>(memory); }

at::Tensor empty_memory_format(at::IntArrayRef sizes, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                               std::optional<at::Device> device, std::optional<bool>,
                               std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard guard(device.value_or(at::Device(at::kCUDA)));
  return at::detail::empty_generic(sizes, c10::GetAllocator(c10::kCUDA), c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                   type.value_or(at::kFloat), format);
}

void record_stream(at::Tensor& tensor, at::Stream stream) {
  SliceAllocator::instance().record(tensor.storage().data_ptr(), native_stream(stream));
}

void register_operators() {
  // Registered for ever.
  static auto* const library =
      new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::CUDA, __FILE__, __LINE__);
  library->impl("empty.memory_format", empty_memory_format);
  library->impl("as_strided", at::native::as_strided_tensorimpl);
  library->impl("view", static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(at::native::view));
  library->impl("record_stream", record_stream);
}

void synchronize(const at::Tensor& tensor) {
  c10::impl::getDeviceGuardImpl(c10::kCUDA)->synchronizeDevice(tensor.get_device());
}

}  // namespace

void install() {
  static const bool installed = [] {
    c10::SetAllocator(c10::kCUDA, &SliceAllocator::instance());
    static const c10::impl::DeviceGuardImplRegistrar registrar(c10::kCUDA, new FakeDeviceGuard);
    register_operators();
    return true;
  }();
  static_cast<void>(installed);
}

at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type, int device) {
  install();
  const at::Device place(at::kCUDA, static_cast<at::DeviceIndex>(device));
  return empty_memory_format(sizes, type, {}, place, {}, {});
}

at::Tensor to_host(const at::Tensor& tensor) {
  synchronize(tensor);
  const CurrentContext context(tensor.get_device());
  const at::Storage& storage = tensor.storage();
  const at::Tensor bytes = at::empty({static_cast<int64_t>(storage.nbytes())}, at::kByte);
  MILLRACE_CUDA(memcpy_dtoh, bytes.mutable_data_ptr(), address_of(storage.data()), storage.nbytes());
  return at::empty({0}, tensor.scalar_type())
      .set_(bytes.storage(), tensor.storage_offset(), tensor.sizes(), tensor.strides());
}

void fill(const at::Tensor& tensor, double value) {
  TORCH_CHECK(tensor.is_contiguous(), "fake_torch::fill: the tensor is not contiguous");
  synchronize(tensor);
  const CurrentContext context(tensor.get_device());
  const at::Tensor host = at::full(tensor.sizes(), value, at::TensorOptions().dtype(tensor.scalar_type()));
  MILLRACE_CUDA(memcpy_htod, address_of(tensor.data_ptr()), host.const_data_ptr(), host.nbytes());
}

CurrentStream::CurrentStream(int device, api::Stream stream) : device_(device) {
  install();
  before_ = native_stream(c10::impl::getDeviceGuardImpl(c10::kCUDA)->exchangeStream(torch_stream(device, stream)));
}

CurrentStream::~CurrentStream() {
  c10::impl::getDeviceGuardImpl(c10::kCUDA)->exchangeStream(torch_stream(device_, before_));
}

size_t slices_in_use() { return SliceAllocator::instance().slices_in_use(); }

void empty_cache() { SliceAllocator::instance().empty_cache(); }

}  // namespace fake_torch
