#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "millrace/loader/detail/batch_number.h"
#include "millrace/loader/example.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

// Default collation, by structure: every tensor or number inside a sample becomes one field of the batch, stacked along
// a new first dimension, as PyTorch's default_collate does. Numbers become tensors: floats float64, integers int64,
// bool bool. Samples may be tensors, numbers, anything with `data` and `target`, pairs, tuples and std::arrays of
// those, nested.

namespace collate {

/// Appends the field of one tensor to `spec`.
void add_field(SampleSpec& spec, std::string name, const at::Tensor& tensor);

/// Copies a tensor into field number `field` of the row. Throws std::runtime_error, in default_collate's words, when
/// its shape or type is not the field's.
void write_field(SampleRow& row, size_t field, const at::Tensor& tensor);

template <class T>
concept ExampleLike = requires(const T& sample) {
  sample.data;
  sample.target;
};

template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };

template <class T>
struct AlwaysFalse : std::false_type {};

/// Calls visit(name, leaf) for every tensor and number in `sample`, in order. Names are joined by dots.
template <class Sample, class Visit>
void for_each_field(const std::string& name, const Sample& sample, Visit&& visit) {
  const auto inside = [&](const std::string& part) { return name.empty() ? part : name + "." + part; };
  if constexpr (std::is_same_v<Sample, at::Tensor> || Number<Sample>) {
    visit(name.empty() ? std::string("data") : name, sample);
  } else if constexpr (ExampleLike<Sample>) {
    for_each_field(inside("data"), sample.data, visit);
    for_each_field(inside("target"), sample.target, visit);
  } else if constexpr (TupleLike<Sample>) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      (for_each_field(inside(std::to_string(I)), std::get<I>(sample), visit), ...);
    }(std::make_index_sequence<std::tuple_size_v<Sample>>());
  } else {
    static_assert(AlwaysFalse<Sample>::value,
                  "default collation knows tensors, numbers, Example, pairs, tuples and arrays of these");
  }
}

template <class Sample>
SampleSpec spec_of(const Sample& sample) {
  SampleSpec spec;
  for_each_field("", sample, [&]<class Leaf>(std::string name, const Leaf& leaf) {
    if constexpr (Number<Leaf>)
      spec.fields.push_back({std::move(name), c10::CppTypeToScalarType<BatchNumber<Leaf>>::value, {}});
    else
      add_field(spec, std::move(name), leaf);
  });
  return spec;
}

template <class Sample>
void write_sample(SampleRow& row, const Sample& sample) {
  size_t field = 0;
  for_each_field("", sample, [&]<class Leaf>(const std::string&, const Leaf& leaf) {
    if constexpr (Number<Leaf>)
      *reinterpret_cast<BatchNumber<Leaf>*>(row.bytes(field).data()) = static_cast<BatchNumber<Leaf>>(leaf);
    else
      write_field(row, field, leaf);
    ++field;
  });
}

}  // namespace collate
}  // namespace millrace
