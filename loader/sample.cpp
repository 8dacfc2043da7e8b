#include "millrace/loader/sample.h"

#include <stdexcept>

#include "millrace/sharing/os/printable.h"

namespace millrace {

const char* kind_of(const SampleValue& value) {
  constexpr const char* kKinds[] = {"a tensor", "an integer", "a float", "a bool", "a string"};
  static_assert(std::size(kKinds) == std::variant_size_v<SampleValue>);
  return kKinds[value.index()];
}

Sample::Sample(std::initializer_list<Field> fields) {
  fields_.reserve(fields.size());
  for (const Field& field : fields) {
    if (contains(field.name))
      throw std::invalid_argument("a sample has one field of a name, but " + in_quotes(field.name) +
                                  " was given twice");
    fields_.push_back(field);
  }
}

const SampleValue* Sample::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (field.name == name) return &field.value;
  return nullptr;
}

const SampleValue& Sample::operator[](std::string_view name) const {
  if (const SampleValue* value = find(name)) return *value;
  throw std::out_of_range("the sample has no field " + in_quotes(name) + "; it has " + to_string(*this));
}

SampleValue& Sample::operator[](std::string_view name) {
  for (Field& field : fields_)
    if (field.name == name) return field.value;
  return fields_.emplace_back(std::string(name), at::Tensor()).value;
}

void Sample::throw_other_kind(std::string_view name, const SampleValue& value, const char* wanted) {
  throw std::invalid_argument("field " + in_quotes(name) + " is " + kind_of(value) + ", not " + wanted);
}

std::string to_string(const Sample& sample) {
  if (sample.empty()) return "none";
  std::string text;
  for (const auto& [name, value] : sample)
    text.append(text.empty() ? "" : ", ").append(printable(name) + ": " + kind_of(value));
  return text;
}

}  // namespace millrace
