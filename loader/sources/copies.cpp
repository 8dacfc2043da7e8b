#include "millrace/loader/sources/copies.h"

#include <ATen/CPUGeneratorImpl.h>

#include <mutex>
#include <stdexcept>

#include "millrace/sharing/process/type_name.h"

namespace millrace::detail {

std::vector<std::byte> bytes_of(const PackedBatch& batch) {
  std::vector<std::byte> bytes = batch.value;
  const auto add = [&](const void* data, size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), first, first + size);
  };
  for (const auto& tensor : batch.tensors) {
    const auto type = tensor.scalar_type();
    add(&type, sizeof type);
    add(tensor.sizes().data(), tensor.sizes().size() * sizeof(int64_t));
    const auto elements = tensor.cpu().contiguous();
    add(elements.const_data_ptr(), elements.nbytes());
  }
  return bytes;
}

void throw_other_copy(const std::type_info& dataset, const std::string& what) {
  throw std::logic_error("check_copies: the copy of " + type_name(dataset) +
                         " that worker processes get is not as the original: " + what +
                         ". The serialize of the dataset, of a part of it, or of the collate function leaves out a "
                         "member or reads it otherwise than it writes it; or what it gives depends on more than its "
                         "members and the sample's seed");
}

DefaultGeneratorSeeded::DefaultGeneratorSeeded(uint64_t seed) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  before_ = generator.get_state();
  generator.set_current_seed(seed);
}

DefaultGeneratorSeeded::~DefaultGeneratorSeeded() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(before_);
}

}  // namespace millrace::detail
