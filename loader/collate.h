#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/loader/collation/fields.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/sample.h"

// Collators: function objects that make one value, the batch, of a std::vector of samples. Those of this file, or any
// callable R(std::vector<S>) of the user's.
//
// What Default makes of a sample type, decided when it is compiled:
//
// 1. A sample that names its fields gives Columns, a column a field. So do Sample; a struct that has `data`, or `data`
//    and `target` (torch::data's Example); and a struct of the user's that says its names:
//
//      struct Captioned {
//        at::Tensor image;
//        std::string caption;
//        template <class Visit>
//        void fields(Visit&& visit) const {
//          visit("image", image);
//          visit("caption", caption);
//        }
//      };
//
// 2. A sample that fixed rows could hold (fields.h: a tensor, a number, pairs, tuples and arrays of such) gives
//    Columns too, with the names it would have there: "data", or "0", "1", "1.0", ….
//
// 3. Every other sample keeps its structure, as in PyTorch's default_collate. By type:
//
//      at::Tensor                       stacked, at::Tensor {samples, ...}
//      floats, integers, bool           at::Tensor {samples} of float64, int64, bool
//      std::string                      std::vector<std::string>
//      pair, tuple, array               std::tuple of collated members
//      std::vector<T>                   std::vector of collated T, one a position; all samples' are of equal size
//      map, unordered_map<string, T>    the same kind of map of collated T, by the keys of the first sample
//      std::optional<T>                 std::optional of collated T; all samples have it or none (PyTorch refuses None)
//      a sample that names its fields   Columns
//
// Fields of a named sample may be any of these; their parts become columns "field.0", "field.key", "field.inner", and
// an empty optional none. Where PyTorch and this differ: a batch has no gradient history, so that it can travel, and
// the values of a Sample's field are of one kind in all samples, where PyTorch goes by the first.
//
// Every collator takes the samples' contents. A std::runtime_error, in PyTorch's words where it has any, names the
// field and the entry, which is the position in the batch; a batch without samples is a std::invalid_argument.
// Collators have no state that changes, so several threads may call one.
namespace millrace::collate {

namespace detail {

struct AnyVisitor {
  template <class T>
  void operator()(std::string_view, const T&) const {}
};

}  // namespace detail

/// A struct that says its names, see above.
template <class T>
concept HasFields = requires(const T& sample, detail::AnyVisitor visit) { sample.fields(visit); };

/// torch::data's TensorExample: an example without a target.
template <class T>
concept DataOnly = requires(const T& sample) { sample.data; } && !ExampleLike<T>;

template <class T>
concept NamedStruct = HasFields<T> || ExampleLike<T> || DataOnly<T>;

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T, class Allocator>
struct IsVector<std::vector<T, Allocator>> : std::true_type {};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// Maps by name; With<R> is the same kind of map with other values.
template <class T>
struct StringMap : std::false_type {};
template <class T, class Compare, class Allocator>
struct StringMap<std::map<std::string, T, Compare, Allocator>> : std::true_type {
  template <class R>
  using With = std::map<std::string, R, Compare>;
};
template <class T, class Hash, class Equal, class Allocator>
struct StringMap<std::unordered_map<std::string, T, Hash, Equal, Allocator>> : std::true_type {
  template <class R>
  using With = std::unordered_map<std::string, R, Hash, Equal>;
};

template <class T>
constexpr bool is_collatable();

template <template <class> class Test, class Tuple, size_t... I>
constexpr bool all_members(std::index_sequence<I...>) {
  return (Test<std::tuple_element_t<I, Tuple>>::value && ...);
}

template <class T>
struct IsCollatable : std::bool_constant<is_collatable<T>()> {};

template <class T>
constexpr bool is_collatable() {
  if constexpr (std::is_same_v<T, at::Tensor> || Number<T> || std::is_same_v<T, std::string> ||
                std::is_same_v<T, Sample> || NamedStruct<T>)
    return true;
  else if constexpr (IsVector<T>::value || IsOptional<T>::value)
    return is_collatable<typename T::value_type>();
  else if constexpr (StringMap<T>::value)
    return is_collatable<typename T::mapped_type>();
  else if constexpr (TupleLike<T>)
    return all_members<IsCollatable, T>(std::make_index_sequence<std::tuple_size_v<T>>());
  else
    return false;
}

template <class T>
constexpr bool fits_rows();

template <class T>
struct DoesFitRows : std::bool_constant<fits_rows<T>()> {};

template <class T>
constexpr bool fits_rows() {
  if constexpr (std::is_same_v<T, at::Tensor> || Number<T>)
    return true;
  else if constexpr (ExampleLike<T>)
    return fits_rows<std::remove_cvref_t<decltype(std::declval<T&>().data)>>() &&
           fits_rows<std::remove_cvref_t<decltype(std::declval<T&>().target)>>();
  else if constexpr (TupleLike<T>)
    return all_members<DoesFitRows, T>(std::make_index_sequence<std::tuple_size_v<T>>());
  else
    return false;
}

}  // namespace detail

/// A sample that Default collates. (What a struct's `fields` visits is checked when a collator is compiled for it.)
template <class T>
concept Collatable = detail::is_collatable<T>();

/// A sample that fixed rows (collation/fields.h) can hold.
template <class T>
concept FitsRows = detail::fits_rows<T>();

namespace detail {

/// A column that Pad made, and the length of each sample; the lengths are undefined for scalars.
struct PaddedTensors {
  at::Tensor values;
  at::Tensor lengths;
};

// What the collators Default, Pad and Ragged make of the tensors of one field. All three refuse undefined, nested and
// sparse tensors.
at::Tensor stack(const std::string& path, const std::vector<at::Tensor>& tensors);
PaddedTensors pad(const std::string& path, const std::vector<at::Tensor>& tensors, double value);
ColumnValue stack_if_equal(const std::string& path, std::vector<at::Tensor>&& tensors);

at::Tensor empty_column(size_t samples, c10::ScalarType dtype);

/// Adds what becomes of the tensors of field `name`; `path` names it for messages, from the outermost sample.
using AddTensors =
    std::function<void(Columns&, const std::string& name, const std::string& path, std::vector<at::Tensor>&&)>;

/// Collates samples by the names of the first one; `add_tensors` says what becomes of tensors.
Columns collate_samples(const std::string& path, std::vector<Sample>&& samples, const AddTensors& add_tensors);

[[noreturn]] void throw_missing_key(const std::string& path, const std::string& key, size_t entry);
[[noreturn]] void throw_some_absent(const std::string& path, bool first_is_present, size_t entry);
[[noreturn]] void throw_other_fields(const std::string& path, size_t entry);

/// Throws std::invalid_argument when there are no samples.
void require_samples(size_t samples);
/// Throws std::runtime_error, in PyTorch's words and with the place, when `size` is not that of entry 0, `first`.
void require_equal_size(const std::string& path, size_t first, size_t size, size_t entry);

inline std::string inside(const std::string& path, std::string_view part) {
  return path.empty() ? std::string(part) : path + "." + std::string(part);
}

template <class S, class Visit>
void visit_fields(const S& sample, const Visit& visit) {
  if constexpr (HasFields<S>) {
    sample.fields(visit);
  } else {
    visit("data", sample.data);
    // An empty type stands for "no target".
    if constexpr (ExampleLike<S>)
      if constexpr (!std::is_empty_v<std::remove_cvref_t<decltype(sample.target)>>) visit("target", sample.target);
  }
}

/// Field number `number` of all samples. REQUIRES: in the first sample the field is called `name` and is an F.
template <class F, class S>
std::vector<F> gather(const std::string& path, const std::vector<S>& samples, size_t number, std::string_view name) {
  std::vector<F> values;
  values.reserve(samples.size());
  for (const S& sample : samples) {
    const size_t entry = values.size();
    size_t at = 0;
    visit_fields(sample, [&]<class G>(std::string_view here, const G& value) {
      if constexpr (std::is_same_v<F, G>)
        if (at == number && here == name) values.push_back(value);
      ++at;
    });
    if (values.size() == entry) throw_other_fields(path, entry);
  }
  return values;
}

template <Number T>
at::Tensor collate_numbers(const std::vector<T>& values) {
  using Element = BatchNumber<T>;
  const at::Tensor column = empty_column(values.size(), c10::CppTypeToScalarType<Element>::value);
  auto* element = column.mutable_data_ptr<Element>();
  for (const T value : values) *element++ = static_cast<Element>(value);
  return column;
}

/// Adds a collated value to `columns`, its parts as columns of their own. The outermost value is "data".
template <class R>
void add_columns(Columns& columns, const std::string& path, R&& collated) {
  using Value = std::remove_cvref_t<R>;
  const auto name = [&] { return path.empty() ? std::string("data") : path; };
  if constexpr (std::is_same_v<Value, at::Tensor> || std::is_same_v<Value, std::vector<std::string>> ||
                std::is_same_v<Value, ColumnValue>) {
    columns.add(name(), std::forward<R>(collated));
  } else if constexpr (std::is_same_v<Value, PaddedTensors>) {
    columns.add(name(), collated.values);
    if (collated.lengths.defined()) columns.add(name() + ".lengths", collated.lengths);
  } else if constexpr (std::is_same_v<Value, Columns>) {
    for (const auto& [inner, value] : collated) columns.add(inside(path, inner), value);
  } else if constexpr (IsOptional<Value>::value) {
    if (collated) add_columns(columns, path, *std::forward<R>(collated));
  } else if constexpr (IsVector<Value>::value) {
    for (size_t i = 0; i < collated.size(); ++i) add_columns(columns, inside(path, std::to_string(i)), collated[i]);
  } else if constexpr (StringMap<Value>::value) {
    for (const auto& [key, value] : collated) add_columns(columns, inside(path, key), value);
  } else {
    [&]<size_t... I>(std::index_sequence<I...>) {
      (add_columns(columns, inside(path, std::to_string(I)), std::get<I>(collated)), ...);
    }(std::make_index_sequence<std::tuple_size_v<Value>>());
  }
}

/// Collates by structure; `Tensors` says what becomes of the tensors of one field:
/// R operator()(const std::string& path, std::vector<at::Tensor>&&).
template <class Tensors>
class ByStructure {
 public:
  explicit ByStructure(Tensors tensors) : tensors_(std::move(tensors)) {}

  /// REQUIRES: not empty. `path` names the field for messages, "" for the whole sample.
  template <class T>
  auto operator()(const std::string& path, std::vector<T>&& values) const {
    if constexpr (std::is_same_v<T, at::Tensor>)
      return tensors_(path, std::move(values));
    else if constexpr (Number<T>)
      return collate_numbers(values);
    else if constexpr (std::is_same_v<T, std::string>)
      return std::move(values);
    else if constexpr (std::is_same_v<T, Sample>)
      return collate_samples(path, std::move(values),
                             [this](Columns& columns, const std::string& name, const std::string& field,
                                    auto&& column) { add_columns(columns, name, tensors_(field, std::move(column))); });
    else if constexpr (NamedStruct<T>)
      return named(path, values);
    else if constexpr (IsOptional<T>::value)
      return optionals(path, std::move(values));
    else if constexpr (IsVector<T>::value)
      return vectors(path, std::move(values));
    else if constexpr (StringMap<T>::value)
      return maps(path, std::move(values));
    else if constexpr (TupleLike<T>)
      return tuples(path, std::move(values), std::make_index_sequence<std::tuple_size_v<T>>());
    else
      static_assert(AlwaysFalse<T>::value,
                    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; in C++ that "
                    "is at::Tensor, numbers, std::string, pair, tuple, array, vector, optional, map<std::string, T>, "
                    "Sample, Example, and structs with a member template fields(visit)");
  }

 private:
  template <class S>
  Columns named(const std::string& path, const std::vector<S>& samples) const {
    Columns columns;
    size_t number = 0;
    visit_fields(samples.front(), [&]<class F>(std::string_view name, const F&) {
      // Names inside one Columns begin anew; those in messages do not.
      add_columns(columns, std::string(name),
                  (*this)(inside(path, name), gather<F>(inside(path, name), samples, number, name)));
      ++number;
    });
    return columns;
  }

  template <class T>
  auto optionals(const std::string& path, std::vector<std::optional<T>>&& values) const {
    std::vector<T> present;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].has_value() != values[0].has_value()) throw_some_absent(path, values[0].has_value(), i);
      if (values[i]) present.push_back(*std::move(values[i]));
    }
    using Result = std::optional<decltype((*this)(path, std::move(present)))>;
    return present.empty() ? Result() : Result((*this)(path, std::move(present)));
  }

  template <class T, class Allocator>
  auto vectors(const std::string& path, std::vector<std::vector<T, Allocator>>&& values) const {
    const size_t size = values.front().size();
    for (size_t i = 0; i < values.size(); ++i) require_equal_size(path, size, values[i].size(), i);
    std::vector<decltype((*this)(path, std::vector<T>()))> result;
    result.reserve(size);
    for (size_t k = 0; k < size; ++k) {
      std::vector<T> column;
      column.reserve(values.size());
      for (auto& value : values) column.push_back(std::move(value[k]));
      result.push_back((*this)(inside(path, std::to_string(k)), std::move(column)));
    }
    return result;
  }

  template <class Map>
  auto maps(const std::string& path, std::vector<Map>&& values) const {
    using T = typename Map::mapped_type;
    typename StringMap<Map>::template With<decltype((*this)(path, std::vector<T>()))> result;
    for (const auto& item : values.front()) {
      const std::string& key = item.first;
      std::vector<T> column;
      column.reserve(values.size());
      for (auto& value : values) {
        const auto found = value.find(key);
        if (found == value.end()) throw_missing_key(path, key, column.size());
        column.push_back(std::move(found->second));
      }
      result.emplace(key, (*this)(inside(path, key), std::move(column)));
    }
    return result;
  }

  template <class T, size_t... I>
  auto tuples(const std::string& path, std::vector<T>&& values, std::index_sequence<I...>) const {
    const auto member = [&]<size_t Number>(std::integral_constant<size_t, Number>) {
      std::vector<std::tuple_element_t<Number, T>> column;
      column.reserve(values.size());
      for (auto& value : values) column.push_back(std::move(std::get<Number>(value)));
      return (*this)(inside(path, std::to_string(Number)), std::move(column));
    };
    return std::tuple<decltype(member(std::integral_constant<size_t, I>()))...>{
        member(std::integral_constant<size_t, I>())...};
  }

  Tensors tensors_;
};

struct Stacked {
  at::Tensor operator()(const std::string& path, std::vector<at::Tensor>&& tensors) const {
    return stack(path, tensors);
  }
};

struct Padded {
  double value;

  PaddedTensors operator()(const std::string& path, std::vector<at::Tensor>&& tensors) const {
    return pad(path, tensors, value);
  }
};

struct StackedIfEqual {
  ColumnValue operator()(const std::string& path, std::vector<at::Tensor>&& tensors) const {
    return stack_if_equal(path, std::move(tensors));
  }
};

template <class Tensors, class S>
Columns collate_to_columns(Tensors tensors, std::vector<S>&& samples) {
  require_samples(samples.size());
  Columns columns;
  add_columns(columns, "", ByStructure<Tensors>(std::move(tensors))("", std::move(samples)));
  return columns;
}

}  // namespace detail

/// What many T become by rules 1 and 3 of the table above.
template <class T>
using Collated = decltype(detail::ByStructure(detail::Stacked())("", std::declval<std::vector<T>>()));

/// What a collator makes of samples of type S.
template <class Collator, class S>
using BatchOf = std::invoke_result_t<const Collator&, std::vector<S>>;

/// PyTorch's default_collate, by the table above. Tensors of different types are stacked in the type that can hold all.
struct Default {
  /// Columns by rules 1 and 2, else Collated<S>.
  template <class S>
  auto operator()(std::vector<S>&& samples) const {
    if constexpr (FitsRows<S>) {
      return detail::collate_to_columns(detail::Stacked(), std::move(samples));
    } else {
      detail::require_samples(samples.size());
      return detail::ByStructure(detail::Stacked())("", std::move(samples));
    }
  }
};

/// torch::data::transforms::Stack: examples to one example of stacked data and stacked targets.
struct Stack {
  template <class S>
    requires(ExampleLike<S> || DataOnly<S>)
  S operator()(std::vector<S>&& examples) const {
    detail::require_samples(examples.size());
    const auto stacked = [&](const char* name, auto S::* member) {
      std::vector<at::Tensor> tensors;
      tensors.reserve(examples.size());
      for (auto& example : examples) tensors.push_back(std::move(example.*member));
      return detail::stack(name, tensors);
    };
    if constexpr (ExampleLike<S>)
      return S{stacked("data", &S::data), stacked("target", &S::target)};
    else
      return S{stacked("data", &S::data)};
  }
};

/// Columns of any sample (its parts by the names of rules 1 and 2), where tensors of unequal sizes are padded at the
/// end of each dimension to the largest, with `value` in the column's type. All tensors of a column have the same
/// number of dimensions.
///
/// A column "<name>.lengths", int64 {samples}, stands beside each column of tensors that have a dimension: the size of
/// each tensor's first dimension. It is there whether or not anything was padded, so that the columns of a batch do not
/// depend on what is in it.
struct Pad {
  double value = 0;

  template <class S>
  Columns operator()(std::vector<S>&& samples) const {
    return detail::collate_to_columns(detail::Padded{value}, std::move(samples));
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};

/// Columns of any sample, named as Pad names them. Tensors of equal shapes are stacked; those of unequal shapes stay a
/// std::vector<at::Tensor>, one a sample.
struct Ragged {
  template <class S>
  Columns operator()(std::vector<S>&& samples) const {
    return detail::collate_to_columns(detail::StackedIfEqual(), std::move(samples));
  }
};

/// Whether a collator's tensors are nobody else's, so that they may be made where the batch is packed (BatchMemory).
template <class Collator>
constexpr bool kKeepsNoTensor = std::is_same_v<Collator, Default> || std::is_same_v<Collator, Stack> ||
                                std::is_same_v<Collator, Pad> || std::is_same_v<Collator, Ragged>;

/// The samples as they are.
struct List {
  template <class S>
  std::vector<S> operator()(std::vector<S>&& samples) const {
    return std::move(samples);
  }
};

/// The sample itself: PyTorch's batch_size=None. REQUIRES: one sample. Throws std::invalid_argument otherwise.
struct None {
  template <class S>
  S operator()(std::vector<S>&& samples) const {
    if (samples.size() != 1)
      throw std::invalid_argument("without collation a batch is one sample, not " + std::to_string(samples.size()) +
                                  "; collate them, or take one sample at a time");
    return std::move(samples.front());
  }
};

}  // namespace millrace::collate
