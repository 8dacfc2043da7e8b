#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace {

/// One column of a batch: a tensor {samples, ...}; or one string for each sample; or one tensor of any shape for each
/// sample.
using ColumnValue = std::variant<at::Tensor, std::vector<std::string>, std::vector<at::Tensor>>;

struct Column {
  std::string name;
  ColumnValue value;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, value);
  }
};

/// A batch whose named fields need not be fixed rows: columns in order, each found by its name. The collate functions
/// (collate.h) make it. A value type that travels through the codec (tensor_codec.h), its tensors out of band. Reading
/// is safe from several threads.
class Columns {
 public:
  Columns() = default;

  /// Adds a column at the end. Throws std::invalid_argument when there is a column of that name.
  void add(std::string name, ColumnValue value);

  /// Adds a column at the end without looking for its name among the others. REQUIRES: the name is new.
  void append(std::string name, ColumnValue value);
  /// Replaces the value of column number `number`. REQUIRES: number < size().
  void replace(size_t number, ColumnValue value);
  void reserve(size_t columns);

  /// Column number `number`, which is a tensor. REQUIRES: number < size(). Throws std::invalid_argument as tensor(name)
  /// does.
  const at::Tensor& tensor(size_t number) const;

  /// The column of that name, of the kind that the method names. Throws std::out_of_range, naming the columns there
  /// are, when there is none; std::invalid_argument, naming the method to use, when the column is of another kind.
  const at::Tensor& tensor(std::string_view name) const;
  const std::vector<std::string>& strings(std::string_view name) const;
  const std::vector<at::Tensor>& tensors(std::string_view name) const;

  /// The column of that name as tensor(name) gives it, since most columns are tensors.
  const at::Tensor& operator[](std::string_view name) const { return tensor(name); }

  /// The column of that name; null when there is none.
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
