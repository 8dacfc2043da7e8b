#include "millrace/loader/device/device_copy.h"

#include <ATen/Context.h>
#include <ATen/EmptyTensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "millrace/loader/device/slot_gate.h"
#include "millrace/sharing/cuda/context.h"

namespace millrace {
namespace {

const c10::impl::DeviceGuardImplInterface& torch_cuda() {
  return *c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::kCUDA)].load();
}

cuda::api::Stream native(c10::Stream stream) {
  return static_cast<cuda::api::Stream>(torch_cuda().getStreamNativeHandle(stream));
}

at::Tensor empty_on_device(const at::Tensor& source) {
  if (!source.is_non_overlapping_and_dense())
    throw std::invalid_argument(
        "a batch's tensor was changed to a view that leaves out or repeats elements: copy it "
        "to the device by itself, with tensor.contiguous().to(device)");
  return at::Tensor(at::detail::empty_strided_generic(source.sizes(), source.strides(), c10::GetAllocator(c10::kCUDA),
                                                      c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                                      source.scalar_type()));
}

// Calls `each` with every tensor of the column.
template <class ColumnReference, class Each>
void for_each_tensor(ColumnReference& column, Each each) {
  if (auto* const tensor = std::get_if<at::Tensor>(&column.value)) each(*tensor);
  if (auto* const tensors = std::get_if<std::vector<at::Tensor>>(&column.value))
    for (auto& tensor : *tensors) each(tensor);
}

}  // namespace

c10::Device require_cuda(c10::Device device) {
  if (!device.is_cuda())
    throw std::invalid_argument("batches can be on the CPU or on a CUDA device, not on " + device.str());
  cuda::Driver::get();
  const auto* const torch = c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::kCUDA)].load();
  if (!torch || !c10::GetAllocator(c10::kCUDA))
    throw cuda::CudaUnavailable("batches cannot be on " + device.str() +
                                ": LibTorch's CUDA part is not in this program. Use a LibTorch that is built for CUDA, "
                                "and link libtorch_cuda or load it with dlopen first thing in main");
  // The allocator of LibTorch's CUDA part wants to be told of the devices first, as its own operators do.
  if (at::globalContext().hasCUDA()) at::globalContext().lazyInitDevice(c10::kCUDA);
  if (!device.has_index()) return torch->getDevice();
  const int devices = cuda::Driver::status().devices;
  if (device.index() >= devices)
    throw std::invalid_argument("there is no " + device.str() + ": this process sees " + std::to_string(devices) +
                                " CUDA device" + (devices == 1 ? "" : "s"));
  return device;
}

bool captures_graph(c10::Device device) {
  const cuda::CurrentContext context(device.index());
  return cuda::is_capturing(cuda::current_stream(device.index()));
}

DeviceCopy::DeviceCopy(const Columns& source, c10::Device device, const GuardedSlot& slot)
    : device_(device), allocated_on_(torch_cuda().getStream(device)), copied_(device.index()) {
  if (captures_graph(device))
    throw std::logic_error("batches cannot be copied to " + device.str() +
                           " while its current stream captures a CUDA graph: every replay would read memory that "
                           "other batches have taken by then. Copy into a tensor of your own before the capture");
  const cuda::api::Stream stream = slot.gate ? slot.gate->copy_stream(device.index()) : native(allocated_on_);
  if (slot.gate) slot.gate->use(slot.slot, device.index(), stream);
  try {
    start(source, stream);
    if (!slot.gate) wait();
  } catch (...) {
    // Copies that were begun must end before their memory is freed, on both sides.
    const cuda::CurrentContext context(device.index());
    cuda::Driver::get().entry().stream_synchronize(stream);
    throw;
  }
}

void DeviceCopy::start(const Columns& source, cuda::api::Stream stream) {
  const c10::DeviceGuard guard(device_);
  const cuda::CurrentContext context(device_.index());
  std::vector<std::pair<at::Tensor, at::Tensor>> transfers;  // Pairs of source and target.
  for (Column column : source) {
    for_each_tensor(column, [&](at::Tensor& tensor) {
      if (!tensor.defined() || !tensor.is_cpu()) return;
      const at::Tensor from = std::exchange(tensor, empty_on_device(tensor));
      if (from.nbytes() > 0) transfers.emplace_back(from, tensor);
    });
    columns_.append(std::move(column.name), std::move(column.value));
  }
  // Memory from the allocator may still be used by work that the current stream has before it.
  cuda::Event allocated(device_.index());
  allocated.record(native(allocated_on_));
  allocated.block(stream);
  for (const auto& [from, to] : transfers)
    MILLRACE_CUDA(memcpy_htod_async, reinterpret_cast<cuda::api::DevicePtr>(to.mutable_data_ptr()),
                  from.const_data_ptr(), from.nbytes(), stream);
  copied_.record(stream);
}

DeviceCopy::~DeviceCopy() {
  if (columns_.empty()) return;
  try {
    const cuda::CurrentContext context(device_.index());
    const cuda::api::Stream next_user = native(allocated_on_);
    if (cuda::is_capturing(next_user))
      copied_.wait();
    else
      copied_.block(next_user);
  } catch (const std::exception&) {
    // The context is lost, and its memory with it.
  }
}

Columns DeviceCopy::take() && {
  const cuda::CurrentContext context(device_.index());
  const c10::Stream current = torch_cuda().getStream(device_);
  copied_.block(native(current));
  if (current != allocated_on_) record_stream(columns_, current);
  return std::exchange(columns_, {});
}

bool any_on_device(const Columns& columns) {
  bool any = false;
  for (const Column& column : columns)
    for_each_tensor(column, [&](const at::Tensor& tensor) { any |= tensor.defined() && tensor.is_cuda(); });
  return any;
}

void record_stream(const Columns& columns, c10::Stream stream) {
  for (const Column& column : columns)
    for_each_tensor(column, [&](const at::Tensor& tensor) {
      if (tensor.defined() && tensor.is_cuda()) torch_cuda().recordDataPtrOnStream(tensor.storage().data_ptr(), stream);
    });
}

cuda::api::Stream native_stream(c10::Stream stream) {
  require_cuda(stream.device());
  return native(stream);
}

}  // namespace millrace
