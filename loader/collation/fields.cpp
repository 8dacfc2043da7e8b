#include "millrace/loader/collation/fields.h"

#include <ATen/ops/from_blob.h>

#include <cstring>
#include <sstream>
#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace::collate {

namespace {

void require_host(const std::string& field, const at::Tensor& tensor) {
  if (!tensor.is_cuda()) return;
  throw std::invalid_argument(
      "field " + in_quotes(field) + " of a sample is on " + tensor.device().str() +
      ", but samples without a collate function become rows of host memory: give CPU tensors, which the loader copies "
      "to "
      "the device a batch at a time; or make whole batches there, by get_batch() or a collate function, with "
      "DataLoaderOptions::device_batch_bytes");
}

}  // namespace

void add_field(SampleSpec& spec, std::string name, const at::Tensor& tensor) {
  if (!tensor.defined())
    throw std::runtime_error("field " + in_quotes(name) + " of the first sample is an undefined tensor");
  require_host(name, tensor);
  spec.fields.push_back({std::move(name), tensor.scalar_type(), tensor.sizes().vec()});
}

void write_field(SampleRow& row, size_t field, const at::Tensor& tensor) {
  const FieldSpec& spec = row.spec().fields[field];
  if (!tensor.defined()) throw std::runtime_error("field " + in_quotes(spec.name) + " is an undefined tensor");
  if (tensor.sizes() != c10::IntArrayRef(spec.shape)) {
    std::ostringstream text;
    text << "stack expects each tensor to be equal size, but field " << in_quotes(spec.name) << " got "
         << c10::IntArrayRef(spec.shape) << " in the first sample and " << tensor.sizes() << " in this one";
    throw std::runtime_error(text.str());
  }
  if (tensor.scalar_type() != spec.dtype)
    throw std::runtime_error("field " + in_quotes(spec.name) + " is " + c10::toString(spec.dtype) +
                             " in the first sample and " + c10::toString(tensor.scalar_type()) + " in this one");
  require_host(spec.name, tensor);
  const auto target = row.bytes(field);
  if (tensor.is_cpu() && tensor.is_contiguous()) {
    if (!target.empty()) std::memcpy(target.data(), tensor.const_data_ptr(), target.size());
    return;
  }
  at::from_blob(target.data(), spec.shape, at::TensorOptions(spec.dtype)).copy_(tensor.detach());
}

}  // namespace millrace::collate
