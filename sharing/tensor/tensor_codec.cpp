#include "millrace/sharing/tensor/tensor_codec.h"

#include <c10/core/ScalarType.h>
#include <c10/core/TensorImpl.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "millrace/sharing/cuda/ipc/codec.h"
#include "millrace/sharing/tensor/shared_storage.h"

namespace millrace {
namespace {

// The message about a tensor, beside its bytes.
struct Description {
  enum Flag : uint8_t { kRequiresGrad = 1, kHasGrad = 2, kConjugate = 4, kNegative = 8 };

  int8_t dtype = 0;
  uint8_t flags = 0;
  bool on_cuda = false;
  int64_t offset = 0;  // Where the first element is, in elements.
  std::vector<int64_t> sizes, strides;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(dtype, flags, on_cuda, offset, sizes, strides);
  }
};

constexpr const char* kNonLeaf =
    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
    "process boundaries. If you just want to transfer the data, call detach() on the tensor before serializing (e.g., "
    "putting it on the queue).";

std::string described(const at::Tensor& tensor) {
  std::ostringstream out;
  out << "a tensor of " << tensor.dtype() << " on " << tensor.device();
  return out.str();
}

// True when every element that sizes, strides and offset reach lies in a storage of `bytes` bytes.
bool fits(const Description& tensor, size_t element_bytes, size_t bytes) {
  if (tensor.sizes.size() != tensor.strides.size() || tensor.offset < 0) return false;
  int64_t last = tensor.offset;
  int64_t count = 1;
  bool empty = false;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    const int64_t size = tensor.sizes[i];
    const int64_t stride = tensor.strides[i];
    if (size < 0 || stride < 0) return false;
    if (size == 0) {
      empty = true;
      continue;
    }
    int64_t reach = 0;
    if (__builtin_mul_overflow(size - 1, stride, &reach) || __builtin_add_overflow(last, reach, &last) ||
        __builtin_mul_overflow(count, size, &count))
      return false;
  }
  int64_t needed = 0;
  if (__builtin_add_overflow(last, 1, &last) ||
      __builtin_mul_overflow(last, static_cast<int64_t>(element_bytes), &needed))
    return false;
  return empty || static_cast<size_t>(needed) <= bytes;
}

c10::ScalarType dtype_of(const Description& tensor) {
  const auto dtype = static_cast<c10::ScalarType>(tensor.dtype);
  const bool known = tensor.dtype >= 0 && dtype < c10::ScalarType::Undefined;
  if (!known || c10::isQIntType(dtype))
    throw DecodeError("a tensor came with an unknown dtype, number " + std::to_string(tensor.dtype));
  return dtype;
}

at::Tensor make_tensor(const Description& description, c10::Storage storage) {
  const auto dtype = dtype_of(description);
  if (!fits(description, c10::elementSize(dtype), storage.nbytes()))
    throw DecodeError("a tensor came whose sizes and strides reach beyond its " + std::to_string(storage.nbytes()) +
                      " bytes");
  const bool conjugate = (description.flags & Description::kConjugate) != 0;
  const bool requires_grad = (description.flags & Description::kRequiresGrad) != 0;
  if ((conjugate && !c10::isComplexType(dtype)) ||
      (requires_grad && !c10::isFloatingType(dtype) && !c10::isComplexType(dtype)))
    throw DecodeError(std::string("a tensor came with flags that ") + c10::toString(dtype) + " cannot have");
  const auto key = description.on_cuda ? c10::DispatchKey::CUDA : c10::DispatchKey::CPU;
  auto tensor = at::detail::make_tensor<at::TensorImpl>(std::move(storage), c10::DispatchKeySet(key),
                                                        c10::scalarTypeToTypeMeta(dtype));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(description.sizes, description.strides, description.offset);
  if (conjugate) tensor._set_conj(true);
  if ((description.flags & Description::kNegative) != 0) tensor._set_neg(true);
  if (requires_grad) tensor.set_requires_grad(true);
  return tensor;
}

void save_cpu_storage(EncodeArchive& archive, const c10::Storage& storage) {
  move_to_shared_memory(storage);
  const SharedBlock block = block_of(storage);
  archive(static_cast<bool>(block));  // False where the tensor has no bytes.
  if (block) archive(block);
}

c10::Storage load_cpu_storage(DecodeArchive& archive) {
  bool has_bytes = false;
  archive(has_bytes);
  SharedBlock block;
  if (has_bytes) archive(block);
  return storage_of(block);
}

}  // namespace

namespace detail {

void require_dense(const at::Tensor& tensor) {
  const auto refuse = [&](const char* why, const char* cure) {
    throw std::invalid_argument(described(tensor) + " cannot be shared between processes: " + why + "; " + cure);
  };
  if (!tensor.defined()) throw std::invalid_argument("an undefined tensor has no memory to share");
  if (tensor.is_nested()) refuse("it is nested", "send its parts");
  if (tensor.is_sparse() || tensor.is_sparse_csr() || tensor.layout() != c10::kStrided)
    refuse("its layout is not strided", "send its parts (indices and values), or to_dense()");
  if (tensor.is_quantized()) refuse("it is quantized", "send int_repr() and the scale, or dequantize()");
  if (!tensor.is_cpu() && !tensor.is_cuda()) refuse("it is neither on the CPU nor on CUDA", "send tensor.cpu()");
  if (!tensor.has_storage()) refuse("it has no storage", "send a clone()");
}

}  // namespace detail

void CEREAL_SAVE_FUNCTION_NAME(EncodeArchive& archive, const at::Tensor& tensor) {
  if (auto& aside = archive.memory<TensorsAside>(); aside.on) {
    archive(static_cast<uint64_t>(aside.tensors.size()));
    aside.tensors.push_back(tensor);
    return;
  }
  archive(tensor.defined());
  if (!tensor.defined()) return;
  detail::require_dense(tensor);
  if (tensor.requires_grad() && !tensor.is_leaf()) throw std::invalid_argument(kNonLeaf);
  if (tensor.has_names())
    throw std::invalid_argument("a named tensor cannot be sent; send tensor.rename(std::nullopt)");
  const at::Tensor grad = tensor.is_leaf() ? tensor.grad() : at::Tensor();

  Description description;
  description.dtype = static_cast<int8_t>(tensor.scalar_type());
  description.flags = static_cast<uint8_t>(
      (tensor.requires_grad() ? Description::kRequiresGrad : 0) | (grad.defined() ? Description::kHasGrad : 0) |
      (tensor.is_conj() ? Description::kConjugate : 0) | (tensor.is_neg() ? Description::kNegative : 0));
  description.on_cuda = tensor.is_cuda();
  description.offset = tensor.storage_offset();
  description.sizes = tensor.sizes().vec();
  description.strides = tensor.strides().vec();
  archive(description);
  if (description.on_cuda)
    cuda::save_storage(archive, tensor.storage());
  else
    save_cpu_storage(archive, tensor.storage());
  if (grad.defined()) archive(grad);
}

void CEREAL_LOAD_FUNCTION_NAME(DecodeArchive& archive, at::Tensor& tensor) {
  if (const auto& aside = archive.memory<TensorsAside>(); aside.on) {
    uint64_t number = 0;
    archive(number);
    if (number >= aside.tensors.size()) throw DecodeError("a message names a tensor that it does not have");
    tensor = aside.tensors[number];
    return;
  }
  bool defined = false;
  archive(defined);
  if (!defined) {
    tensor.reset();
    return;
  }
  Description description;
  archive(description);
  at::Tensor made =
      make_tensor(description, description.on_cuda ? cuda::load_storage(archive) : load_cpu_storage(archive));
  if ((description.flags & Description::kHasGrad) != 0) {
    at::Tensor grad;
    archive(grad);
    if (!grad.defined() || grad.sizes() != made.sizes() || grad.scalar_type() != made.scalar_type())
      throw DecodeError("a tensor came with a gradient of another shape or dtype");
    made.mutable_grad() = std::move(grad);
  }
  tensor = std::move(made);
}

}  // namespace millrace
