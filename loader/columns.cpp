#include "millrace/loader/columns.h"

#include <c10/core/ScalarType.h>

#include <sstream>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

/// Several lambdas as one visitor of a variant.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

std::string described(const ColumnValue& value) {
  return std::visit(
      Overloaded{[](const at::Tensor& tensor) -> std::string {
                   if (!tensor.defined()) return "an undefined tensor";
                   std::ostringstream out;
                   out << c10::toString(tensor.scalar_type()) << " " << tensor.sizes();
                   return out.str();
                 },
                 [](const std::vector<std::string>& strings) { return counted(strings.size(), "string"); },
                 [](const std::vector<at::Tensor>& tensors) { return counted(tensors.size(), "tensor"); }},
      value);
}

// The method that reads a column, by the index of its kind.
constexpr const char* kReaders[] = {"tensor", "strings", "tensors"};
static_assert(std::size(kReaders) == std::variant_size_v<ColumnValue>);

}  // namespace

void Columns::add(std::string name, ColumnValue value) {
  if (contains(name))
    throw std::invalid_argument("a batch has one column of a name, but " + in_quotes(name) + " was added twice");
  append(std::move(name), std::move(value));
}

void Columns::append(std::string name, ColumnValue value) { columns_.push_back({std::move(name), std::move(value)}); }

void Columns::replace(size_t number, ColumnValue value) { columns_[number].value = std::move(value); }

void Columns::reserve(size_t columns) { columns_.reserve(columns); }

const at::Tensor& Columns::tensor(size_t number) const {
  const Column& column = columns_[number];
  if (const auto* found = std::get_if<at::Tensor>(&column.value)) return *found;
  return tensor(column.name);  // Throws, and says what the column is.
}

const ColumnValue* Columns::find(std::string_view name) const {
  for (const Column& column : columns_)
    if (column.name == name) return &column.value;
  return nullptr;
}

template <class T>
const T& Columns::get(std::string_view name) const {
  const ColumnValue* value = find(name);
  if (value == nullptr)
    throw std::out_of_range("the batch has no column " + in_quotes(name) + "; it has " + to_string(*this));
  if (const T* found = std::get_if<T>(value)) return *found;
  throw std::invalid_argument("column " + in_quotes(name) + " is " + described(*value) + ", read it with " +
                              kReaders[value->index()] + "(\"" + printable(name) + "\")");
}

const at::Tensor& Columns::tensor(std::string_view name) const { return get<at::Tensor>(name); }

const std::vector<std::string>& Columns::strings(std::string_view name) const {
  return get<std::vector<std::string>>(name);
}

const std::vector<at::Tensor>& Columns::tensors(std::string_view name) const {
  return get<std::vector<at::Tensor>>(name);
}

std::string to_string(const Columns& columns) {
  if (columns.empty()) return "none";
  std::string text;
  for (const auto& [name, value] : columns)
    text.append(text.empty() ? "" : ", ").append(printable(name) + ": " + described(value));
  return text;
}

}  // namespace millrace
