#include "millrace/loader/datasets/combinators.h"

#include <c10/core/Layout.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

constexpr size_t kRowsAlignment = 64;  // Bytes; of a tensor's first row.

void check(const std::vector<at::Tensor>& tensors, const std::vector<std::string>& names) {
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("TensorDataset: " + why); };
  if (tensors.empty()) refuse("at least one tensor is needed");
  if (names.size() != tensors.size())
    refuse(counted(names.size(), "name") + " for " + counted(tensors.size(), "tensor"));
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!tensors[k].defined() || tensors[k].layout() != at::kStrided || tensors[k].dim() == 0)
      refuse("tensor " + in_quotes(names[k]) + " has no rows; it must be dense and of at least one dimension");
    if (tensors[k].size(0) != tensors[0].size(0))
      refuse("Size mismatch between tensors: " + in_quotes(names[0]) + " has " + counted(tensors[0].size(0), "row") +
             ", " + in_quotes(names[k]) + " has " + std::to_string(tensors[k].size(0)));
  }
}

}  // namespace

namespace detail {

void require_part_names(const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (name->empty()) throw std::invalid_argument("StackDataset: names must not be empty");
    if (std::find(names.begin(), name, *name) != name)
      throw std::invalid_argument("StackDataset: two datasets have the name " + in_quotes(*name));
  }
}

}  // namespace detail

TensorDataset::TensorDataset(const std::vector<at::Tensor>& tensors, std::vector<std::string> names) {
  if (names.empty())
    for (size_t k = 0; k < tensors.size(); ++k)
      names.push_back(k == 0 ? "data" : k == 1 ? "target" : std::to_string(k));
  check(tensors, names);
  size_ = static_cast<size_t>(tensors.front().size(0));
  size_t bytes = 0;
  for (size_t k = 0; k < tensors.size(); ++k) {
    const auto sizes = tensors[k].sizes();
    spec_.fields.push_back({names[k], tensors[k].scalar_type(), {sizes.begin() + 1, sizes.end()}});
    offsets_.push_back(bytes);
    bytes += round_up(size_ * spec_.fields[k].bytes(), kRowsAlignment);
  }
  rows_ = detail::SharedBytes::make("tensor dataset", bytes, [&](std::byte* memory) {
    for (size_t k = 0; k < tensors.size(); ++k) {
      const at::Tensor tensor = tensors[k].detach().cpu().contiguous().resolve_conj().resolve_neg();
      if (tensor.nbytes() > 0) std::memcpy(memory + offsets_[k], tensor.const_data_ptr(), tensor.nbytes());
    }
  });
}

void TensorDataset::read(size_t index, SampleRow& row, SampleContext& /*context*/) const {
  detail::require_index("TensorDataset", index, size_);
  for (size_t k = 0; k < offsets_.size(); ++k) {
    const auto to = row.bytes(k);
    if (!to.empty()) std::memcpy(to.data(), rows_.data() + offsets_[k] + index * to.size(), to.size());
  }
}

void TensorDataset::save(EncodeArchive& archive) const { archive(size_, spec_, offsets_, rows_); }

void TensorDataset::load(DecodeArchive& archive) {
  archive(size_, spec_, offsets_, rows_);
  if (offsets_.size() != spec_.fields.size()) throw DecodeError("a TensorDataset has fields without rows");
  for (size_t k = 0; k < offsets_.size(); ++k) {
    const size_t bytes = spec_.fields[k].bytes();
    if (offsets_[k] > rows_.size() || (bytes > 0 && size_ > (rows_.size() - offsets_[k]) / bytes))
      throw DecodeError("a TensorDataset of " + std::to_string(size_) + " samples does not fit its memory");
  }
}

}  // namespace millrace
