#include "millrace/tests/sharing/cuda/device_tensors.h"

#include <c10/core/Storage.h>
#include <c10/core/TensorImpl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"

namespace millrace::cuda::test {
namespace {

std::atomic<size_t> segments = 0;

std::shared_ptr<MappedDeviceSegment> map_pieces(size_t pieces) {
  std::vector<DeviceSegment> parts;
  for (size_t i = 0; i < pieces; ++i)
    parts.push_back(DeviceSegment::create(0, ExpandableSegment::kPieceBytes, "a test"));
  ++segments;
  return {new MappedDeviceSegment(parts), [](MappedDeviceSegment* memory) {
            delete memory;
            --segments;
          }};
}

}  // namespace

ExpandableSegment::ExpandableSegment(size_t pieces) : memory_(map_pieces(pieces)) {}

at::Tensor ExpandableSegment::tensor(size_t offset, int64_t count) const {
  fake_torch::install();
  struct Memory {
    std::shared_ptr<MappedDeviceSegment> segment;
    void* data;
    size_t bytes;
  };
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  void* const address = reinterpret_cast<void*>(memory_->address() + offset);
  constexpr auto free = [](void* context) {
    const std::unique_ptr<Memory> memory(static_cast<Memory*>(context));
    std::memset(memory->data, fake_cuda::kPoison, memory->bytes);  // As if it were used again at once.
  };
  c10::DataPtr data(address, new Memory{memory_, address, bytes}, free, c10::Device(c10::kCUDA, 0));
  c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, std::move(data),
                       /*allocator=*/nullptr, /*resizable=*/false);
  auto tensor = at::detail::make_tensor<at::TensorImpl>(std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                                        caffe2::TypeMeta::Make<float>());
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous({count});
  return tensor;
}

at::Tensor full(Transport transport, int64_t count, float value) {
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  const at::Tensor tensor = transport == Transport::kLegacyHandle
                                ? fake_torch::empty({count}, at::kFloat)
                                : ExpandableSegment(2).tensor(ExpandableSegment::kPieceBytes - bytes / 8 * 4, count);
  std::fill_n(tensor.data_ptr<float>(), count, value);
  return tensor;
}

size_t storages_in_use() { return fake_torch::slices_in_use() + segments; }

float first(const at::Tensor& tensor) { return *tensor.const_data_ptr<float>(); }
void set_first(const at::Tensor& tensor, float value) { *tensor.data_ptr<float>() = value; }

bool holds(const at::Tensor& tensor, float value) {
  const float* const values = tensor.const_data_ptr<float>();
  return std::all_of(values, values + tensor.numel(), [&](float element) { return element == value; });
}

std::string name_of(Transport transport) {
  return transport == Transport::kLegacyHandle ? "LegacyHandle" : "Descriptors";
}

}  // namespace millrace::cuda::test
