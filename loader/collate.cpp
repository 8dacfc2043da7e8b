#include "millrace/loader/collate.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "millrace/loader/collation/batch_memory.h"
#include "millrace/loader/collation/plain_elements.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::collate::detail {
namespace {

std::string of_field(const std::string& path) { return path.empty() ? "" : ", in field " + in_quotes(path); }

bool is_sparse(const at::Tensor& tensor) {
  switch (tensor.layout()) {
    case c10::kSparse:
    case c10::kSparseCsr:
    case c10::kSparseCsc:
    case c10::kSparseBsr:
    case c10::kSparseBsc:
      return true;
    default:
      return false;
  }
}

void require_dense(const std::string& path, const std::vector<at::Tensor>& tensors) {
  const auto refuse = [&](const char* kind) {
    throw std::runtime_error(std::string("Batches of ") + kind +
                             " tensors are not currently supported by the default collate_fn; please provide a custom "
                             "collate_fn to handle them appropriately" +
                             (path.empty() ? "." : ": field " + in_quotes(path)));
  };
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined())
      throw std::runtime_error("default_collate: found an undefined tensor at entry " + std::to_string(i) +
                               of_field(path));
    if (tensors[i].is_nested()) refuse("nested");
    if (is_sparse(tensors[i])) refuse("sparse");
  }
}

// The first entry whose shape is not the first one's; their number when there is none.
size_t first_unequal(const std::vector<at::Tensor>& tensors) {
  const auto other = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const at::Tensor& tensor) { return tensor.sizes() != tensors[0].sizes(); });
  return static_cast<size_t>(other - tensors.begin());
}

// What at::stack does with such tensors, without what it asks about each of them, which takes longer than small ones.
void copy_one_behind_the_other(const std::vector<at::Tensor>& tensors, at::Tensor& stacked) {
  auto* to = static_cast<std::byte*>(stacked.mutable_data_ptr());
  for (const at::Tensor& tensor : tensors) {
    const size_t bytes = tensor.nbytes();
    if (bytes > 0) std::memcpy(to, tensor.const_data_ptr(), bytes);
    to += bytes;
  }
}

// Whether they are stacked as they are: on the CPU, in the type that all have.
bool are_alike_on_cpu(const std::vector<at::Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [&](const at::Tensor& tensor) {
    return tensor.is_cpu() && tensor.layout() == c10::kStrided && !tensor.is_quantized() && !tensor.has_names() &&
           tensor.scalar_type() == tensors[0].scalar_type();
  });
}

}  // namespace

at::Tensor stack(const std::string& path, const std::vector<at::Tensor>& tensors) {
  require_dense(path, tensors);
  if (const size_t i = first_unequal(tensors); i < tensors.size()) {
    std::ostringstream text;
    text << "stack expects each tensor to be equal size, but got " << tensors[0].sizes() << " at entry 0 and "
         << tensors[i].sizes() << " at entry " << i << of_field(path);
    throw std::runtime_error(text.str());
  }
  const c10::NoGradGuard no_history;
  if (!are_alike_on_cpu(tensors)) return at::stack(tensors);
  std::vector<int64_t> sizes = tensors[0].sizes().vec();
  sizes.insert(sizes.begin(), static_cast<int64_t>(tensors.size()));
  at::Tensor stacked = BatchMemory::empty(sizes, tensors[0].scalar_type());
  if (std::all_of(tensors.begin(), tensors.end(), has_plain_elements))
    copy_one_behind_the_other(tensors, stacked);
  else
    at::stack_out(stacked, tensors);
  return stacked;
}

PaddedTensors pad(const std::string& path, const std::vector<at::Tensor>& tensors, double value) {
  require_dense(path, tensors);
  const at::Tensor& first = tensors.front();
  if (first.dim() == 0 && first_unequal(tensors) == tensors.size()) return {stack(path, tensors), {}};

  std::vector<int64_t> sizes = first.sizes().vec();
  c10::ScalarType dtype = first.scalar_type();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor& tensor = tensors[i];
    if (tensor.dim() != first.dim()) {
      std::ostringstream text;
      text << "only tensors with the same number of dimensions can be padded, but got " << first.sizes()
           << " at entry 0 and " << tensor.sizes() << " at entry " << i << of_field(path);
      throw std::runtime_error(text.str());
    }
    for (size_t d = 0; d < sizes.size(); ++d) sizes[d] = std::max(sizes[d], tensor.size(static_cast<int64_t>(d)));
    dtype = c10::promoteTypes(dtype, tensor.scalar_type());
  }
  sizes.insert(sizes.begin(), static_cast<int64_t>(tensors.size()));

  const c10::NoGradGuard no_history;
  PaddedTensors padded{first.is_cpu() ? BatchMemory::empty(sizes, dtype).fill_(value)
                                      : at::full(sizes, value, first.options().dtype(dtype).requires_grad(false)),
                       empty_column(tensors.size(), at::kLong)};
  auto* length = padded.lengths.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < tensors.size(); ++i) {
    at::Tensor corner = padded.values.select(0, static_cast<int64_t>(i));
    for (int64_t d = 0; d < first.dim(); ++d) corner = corner.narrow(d, 0, tensors[i].size(d));
    corner.copy_(tensors[i]);
    length[i] = tensors[i].size(0);
  }
  return padded;
}

ColumnValue stack_if_equal(const std::string& path, std::vector<at::Tensor>&& tensors) {
  require_dense(path, tensors);
  if (first_unequal(tensors) == tensors.size()) return stack(path, tensors);
  for (at::Tensor& tensor : tensors) tensor = tensor.detach();
  return std::move(tensors);
}

at::Tensor empty_column(size_t samples, c10::ScalarType dtype) {
  return at::empty({static_cast<int64_t>(samples)}, at::TensorOptions(dtype));
}

Columns collate_samples(const std::string& path, std::vector<Sample>&& samples, const AddTensors& add_tensors) {
  Columns columns;
  for (const auto& [name, first] : samples.front()) {
    const std::string field = inside(path, name);
    std::visit(
        [&]<class T>(const T&) {
          std::vector<T> values;
          values.reserve(samples.size());
          for (Sample& sample : samples) {
            const auto entry = [&] { return "entry " + std::to_string(values.size()); };
            const SampleValue* value = sample.find(name);
            if (value == nullptr)
              throw std::runtime_error("default_collate: " + entry() + " has no field " + in_quotes(field) +
                                       ", which entry 0 has; it has " + to_string(sample));
            const T* same = std::get_if<T>(value);
            if (same == nullptr)
              throw std::runtime_error("default_collate: field " + in_quotes(field) + " is " + kind_of(first) +
                                       " at entry 0 and " + kind_of(*value) + " at " + entry());
            values.push_back(std::move(std::get<T>(sample[name])));
          }
          if constexpr (std::is_same_v<T, at::Tensor>)
            add_tensors(columns, name, field, std::move(values));
          else if constexpr (Number<T>)
            columns.add(name, collate_numbers(values));
          else
            columns.add(name, std::move(values));
        },
        first);
  }
  return columns;
}

void throw_missing_key(const std::string& path, const std::string& key, size_t entry) {
  throw std::runtime_error("default_collate: entry " + std::to_string(entry) + " has no key " + in_quotes(key) +
                           ", which entry 0 has" + of_field(path));
}

void throw_some_absent(const std::string& path, bool first_is_present, size_t entry) {
  throw std::runtime_error(std::string("default_collate: an optional value is in all samples of a batch or in none, "
                                       "but is ") +
                           (first_is_present ? "present at entry 0 and absent" : "absent at entry 0 and present") +
                           " at entry " + std::to_string(entry) + of_field(path));
}

void throw_other_fields(const std::string& path, size_t entry) {
  throw std::runtime_error("default_collate: entry " + std::to_string(entry) + " has no field " + in_quotes(path) +
                           " where entry 0 has it; fields() visits the same names and types for every sample");
}

void require_samples(size_t samples) {
  if (samples == 0) throw std::invalid_argument("default_collate: a batch without samples cannot be collated");
}

void require_equal_size(const std::string& path, size_t first, size_t size, size_t entry) {
  if (size == first) return;
  throw std::runtime_error("each element in list of batch should be of equal size, but got " + std::to_string(first) +
                           " at entry 0 and " + std::to_string(size) + " at entry " + std::to_string(entry) +
                           of_field(path));
}

}  // namespace millrace::collate::detail
