#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace {

/// One column of a batch: a tensor {samples, ...}; a string a sample; or a tensor of any shape a sample.
using ColumnValue = std::variant<at::Tensor, std::vector<std::string>, std::vector<at::Tensor>>;

struct Column {
  std::string name;
  ColumnValue value;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, value);
  }
};

/// A batch of named fields that is no fixed rows: columns in order, each found by its name. Made by the collate
/// functions (collate.h). A value type that travels through the codec, with tensor_codec.h, its tensors out of band.
/// Reading is safe from several threads.
class Columns {
 public:
  Columns() = default;

  /// Throws std::invalid_argument when there is a column of that name.
  void add(std::string name, ColumnValue value);

  /// As add(), by a caller that knows that the name is new.
  void append(std::string name, ColumnValue value);
  /// Another value for column number `number`. REQUIRES: number < size().
  void replace(size_t number, ColumnValue value);
  void reserve(size_t columns);

  /// Column number `number`. REQUIRES: number < size(). Throws as the next one.
  const at::Tensor& tensor(size_t number) const;

  /// The column of that name, by its kind. Throws std::out_of_range, naming the columns there are, when there is none;
  /// std::invalid_argument, naming the method to use, when it is of another kind.
  const at::Tensor& tensor(std::string_view name) const;
  const std::vector<std::string>& strings(std::string_view name) const;
  const std::vector<at::Tensor>& tensors(std::string_view name) const;

  /// tensor(name), which most columns are.
  const at::Tensor& operator[](std::string_view name) const { return tensor(name); }

  /// Null when there is no column of that name.
  const ColumnValue* find(std::string_view name) const;

  bool contains(std::string_view name) const { return find(name) != nullptr; }

  size_t size() const { return columns_.size(); }
  bool empty() const { return columns_.empty(); }

  auto begin() const { return columns_.begin(); }
  auto end() const { return columns_.end(); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(columns_);
  }

 private:
  template <class T>
  const T& get(std::string_view name) const;

  std::vector<Column> columns_;
};

/// "image: Byte [4, 3, 8, 8], caption: 4 strings, tokens: 4 tensors", for messages.
std::string to_string(const Columns& columns);

}  // namespace millrace
