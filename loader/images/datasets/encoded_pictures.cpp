#include "millrace/loader/images/datasets/encoded_pictures.h"

#include <variant>

namespace millrace::detail {
namespace {

std::string field_text(const std::string& name, const SampleValue& value) {
  return "field " + in_quotes(name) + " is " + kind_of(value);
}

}  // namespace

std::span<const std::byte> bytes_of_field(const Sample& sample, const std::string& name) {
  const SampleValue& value = sample[name];
  if (const auto* text = std::get_if<std::string>(&value)) return std::as_bytes(std::span(*text));
  const auto* tensor = std::get_if<at::Tensor>(&value);
  if (tensor == nullptr || tensor->scalar_type() != at::kByte || !tensor->is_contiguous())
    throw std::runtime_error(field_text(name, value) + ", and no file: a string or a tensor of bytes");
  return {static_cast<const std::byte*>(tensor->const_data_ptr()), tensor->nbytes()};
}

int64_t number_of_field(const Sample& sample, const std::string& name) {
  const SampleValue& value = sample[name];
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  const auto* tensor = std::get_if<at::Tensor>(&value);
  if (tensor == nullptr || tensor->scalar_type() != at::kLong || tensor->numel() != 1)
    throw std::runtime_error(field_text(name, value) + ", and no label: one whole number");
  return *tensor->const_data_ptr<int64_t>();
}

}  // namespace millrace::detail
