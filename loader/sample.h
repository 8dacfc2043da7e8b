#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/loader/detail/batch_number.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/tensor/tensor_codec.h"

namespace millrace {

/// One value of a sample.
using SampleValue = std::variant<at::Tensor, int64_t, double, bool, std::string>;

/// "a tensor", "an integer", "a float", "a bool" or "a string", for messages.
const char* kind_of(const SampleValue& value);

/// A sample whose fields are only known at run time: named values in order, of tar shards, manifests, token streams.
///
///   Sample{{"image", tensor}, {"label", 3}, {"caption", "a heron"}}
///
/// A value type; its tensors are handles, as ever. Travels through the codec. Fields are few, so they are found by
/// looking at each in turn.
class Sample {
 public:
  struct Field {
    std::string name;
    SampleValue value;

    Field() = default;

    /// Numbers become what they are in a batch: integers int64, floats double, bools bool.
    template <class T>
    Field(std::string field_name, T&& field_value)
        : name(std::move(field_name)), value(as_value(std::forward<T>(field_value))) {}

    template <class Archive>
    void serialize(Archive& archive) {
      archive(name, value);
    }

   private:
    template <class T>
    static SampleValue as_value(T&& value) {
      using Plain = std::remove_cvref_t<T>;
      if constexpr (std::is_arithmetic_v<Plain>)
        return static_cast<collate::BatchNumber<Plain>>(value);
      else
        return SampleValue(std::forward<T>(value));
    }
  };

  Sample() = default;

  /// Throws std::invalid_argument when two fields have the same name.
  Sample(std::initializer_list<Field> fields);

  /// The value of that name. Throws std::out_of_range, naming the fields there are.
  const SampleValue& operator[](std::string_view name) const;

  /// The value of that name, to be read or assigned to. A name that is not there is added at the end, with an undefined
  /// tensor as its value. (An unsigned 64-bit number has to be assigned as an int64_t.)
  SampleValue& operator[](std::string_view name);

  /// The value of that name, which is a T (one of SampleValue's types). Throws std::out_of_range as operator[], and
  /// std::invalid_argument, naming the value's kind, when it is no T.
  template <class T>
  const T& get(std::string_view name) const {
    const SampleValue& value = (*this)[name];
    if (const T* found = std::get_if<T>(&value)) return *found;
    throw_other_kind(name, value, kind_of(SampleValue(T{})));
  }

  /// The value of that name; null when there is none.
  const SampleValue* find(std::string_view name) const;

  bool contains(std::string_view name) const { return find(name) != nullptr; }

  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(fields_);
  }

 private:
  [[noreturn]] static void throw_other_kind(std::string_view name, const SampleValue& value, const char* wanted);

  std::vector<Field> fields_;
};

/// "image: a tensor, caption: a string", for messages.
std::string to_string(const Sample& sample);

}  // namespace millrace
