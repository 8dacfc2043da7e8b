#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/resize_filter.h"

/// The list of a transform's fields, from which come its archive, its text, its reader in YAML and its row in
/// docs/transforms.md:
///
///   static constexpr auto fields() {
///     return list(field("threshold", &RandomSolarize::threshold).required().shown(), probability(&RandomSolarize::p));
///   }
///
/// Keys are torchvision's names.
namespace millrace::transforms {

/// How a value is written where its type alone does not say it.
namespace forms {
struct Plain {};      ///< As the type is written.
struct Channels {};   ///< std::vector: one value for all channels or one for each.
struct Kernel {};     ///< image::Size: the side of a square, or height and width.
struct Shorter {};    ///< image::Size and bool: the shorter side, or height and width.
struct Symmetric {};  ///< Range: x stands for {-x, x}.
struct Factors {};    ///< Range: x stands for {max(0, 1 - x), 1 + x}.
struct Turns {};      ///< Range of turns: x stands for {-x, x}, x at least 0.
struct Shear {};      ///< Two ranges, along x and along y; or x, which stands for {-x, x} along x.
struct Steps {};      ///< A chain, or several.
struct Nested {};     ///< A value with fields() of its own, whose keys, none required, stand beside the others.
struct Word {};       ///< A key without a member, which can have one value only.
struct Hidden {};     ///< A member without a key.
}  // namespace forms

/// One item of a list. The list is no std::tuple, which costs those who compile all transforms ten times as much.
template <size_t, class Item>
struct ItemAt {
  Item item;
  bool operator==(const ItemAt&) const = default;
};
template <class Numbers, class... Items>
struct NumberedItems;
template <size_t... I, class... Items>
struct NumberedItems<std::index_sequence<I...>, Items...> : ItemAt<I, Items>... {
  bool operator==(const NumberedItems&) const = default;

  /// Calls function(item...) with all items.
  template <class Function>
  constexpr decltype(auto) apply(Function&& function) const {
    return function(static_cast<const ItemAt<I, Items>&>(*this).item...);
  }
};
template <class... Items>
using ItemList = NumberedItems<std::index_sequence_for<Items...>, Items...>;

template <class...>
struct Types {};

/// One entry of a list: a key and the members behind it, mostly one.
template <class Owner, class FieldForm, class... Members>
struct Field {
  using Form = FieldForm;
  using MemberTypes = Types<Members...>;
  static constexpr size_t kMembers = sizeof...(Members);

  std::string_view key;
  ItemList<Members Owner::*...> members;
  std::string_view word = {};  ///< The value that a Word must have, or what messages call several Channels.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool is_required = false;
  bool is_shown = false;

  /// The field with a key that YAML must give.
  constexpr Field required() const {
    Field field = *this;
    field.is_required = true;
    return field;
  }
  /// The field with a value that to_string() writes.
  constexpr Field shown() const {
    Field field = *this;
    field.is_shown = true;
    return field;
  }
  /// The field with bounds: YAML refuses other numbers, at their place.
  constexpr Field within(double least, double most) const {
    constexpr bool kIsNumber = std::same_as<MemberTypes, Types<int>> || std::same_as<MemberTypes, Types<double>>;
    static_assert(kIsNumber && std::same_as<Form, forms::Plain>,
                  "within() bounds one number, an int or a double of the form Plain: check() refuses other values");
    Field field = *this;
    field.low = least;
    field.high = most;
    return field;
  }

  /// Calls function(member...) with the members of `owner`.
  template <class T, class Function>
  decltype(auto) visit(T& owner, Function&& function) const {
    return members.apply([&](auto... member) -> decltype(auto) { return function(owner.*member...); });
  }
};

template <class Form = forms::Plain, class Owner, class... Members>
constexpr Field<Owner, Form, Members...> field(std::string_view key, Members Owner::*... members) {
  constexpr bool kIsBytes = (std::same_as<Members, std::vector<uint8_t>> || ...);
  static_assert(!kIsBytes || std::same_as<Form, forms::Channels>,
                "values of pixels are a field of channel_values(), so that their number is compared with the channels");
  return {.key = key, .members = {{members}...}};
}

/// The field of the member p, a probability.
template <class Owner>
constexpr auto probability(double Owner::* member) {
  return field("p", member).within(0, 1).shown();
}

/// A field with one value for all channels or one for each; `plural` is what messages call several.
template <class Owner, class Value>
constexpr auto channel_values(std::string_view key, std::vector<Value> Owner::* member, std::string_view plural) {
  auto entry = field<forms::Channels>(key, member);
  entry.word = plural;
  return entry;
}

template <class Owner>
constexpr Field<Owner, forms::Word> word(std::string_view key, std::string_view only) {
  Field<Owner, forms::Word> entry{.key = key, .members = {}};
  entry.word = only;
  return entry;
}

template <class... Fields>
constexpr ItemList<Fields...> list(Fields... fields) {
  return {{fields}...};
}

/// Calls function(field) for each of T's fields, in their order.
template <class T, class Function>
constexpr void for_each_field(Function&& function) {
  T::fields().apply([&](const auto&... field) { (function(field), ...); });
}

template <class Fields>
struct NumMembers;
template <class Numbers, class... Fields>
struct NumMembers<NumberedItems<Numbers, Fields...>> : std::integral_constant<size_t, (Fields::kMembers + ... + 0)> {};

/// Compiles when T has as many members as its fields() lists: a structured binding takes exactly as many names.
template <class T, size_t kListed>
constexpr auto fields_list_every_member(const T& transform) {
  if constexpr (kListed == 0) {
    static_assert(std::is_empty_v<T>, "fields() lists no member, and there is one");
  } else if constexpr (kListed == 1) {
    [[maybe_unused]] const auto& [a] = transform;
  } else if constexpr (kListed == 2) {
    [[maybe_unused]] const auto& [a, b] = transform;
  } else if constexpr (kListed == 3) {
    [[maybe_unused]] const auto& [a, b, c] = transform;
  } else if constexpr (kListed == 4) {
    [[maybe_unused]] const auto& [a, b, c, d] = transform;
  } else if constexpr (kListed == 5) {
    [[maybe_unused]] const auto& [a, b, c, d, e] = transform;
  } else if constexpr (kListed == 6) {
    [[maybe_unused]] const auto& [a, b, c, d, e, f] = transform;
  } else {
    static_assert(kListed <= 6, "a line more is needed here for a transform with so many members");
  }
  return true;
}

template <class MemberTypes>
struct OnlyOf;
template <class Member>
struct OnlyOf<Types<Member>> {
  using Type = Member;
};

/// Calls function(key) for each key of T's fields and of the lists in them, which stand beside each other in YAML.
template <class T, class Function>
constexpr void for_each_key(Function&& function) {
  for_each_field<T>([&](const auto& field) {
    using Listed = std::decay_t<decltype(field)>;
    if constexpr (std::is_same_v<typename Listed::Form, forms::Nested>)
      for_each_key<typename OnlyOf<typename Listed::MemberTypes>::Type>(function);
    else if (!field.key.empty())
      function(field.key);
  });
}

/// Whether no member stands in the list twice, and no key in the list and the lists in it.
template <class T>
constexpr bool fields_are_distinct() {
  bool distinct = true;
  size_t i = 0;
  for_each_field<T>([&](const auto& one) {
    size_t j = 0;
    for_each_field<T>([&](const auto& other) {
      if constexpr (std::is_same_v<decltype(one.members), decltype(other.members)>)
        if (j < i && one.kMembers > 0 && one.members == other.members) distinct = false;
      ++j;
    });
    ++i;
  });
  for_each_key<T>([&](std::string_view one) {
    size_t found = 0;
    for_each_key<T>([&](std::string_view other) { found += one == other; });
    if (found != 1) distinct = false;
  });
  return distinct;
}

/// The words that YAML and texts have for the values of an enumeration.
template <class Enum>
struct Words;
template <>
struct Words<image::Interpolation> {
  static constexpr std::array<std::pair<std::string_view, image::Interpolation>, 2> kAll = {
      {{"nearest", image::Interpolation::kNearest}, {"bilinear", image::Interpolation::kBilinear}}};
};
template <>
struct Words<image::ResizeFilter> {
  static constexpr std::array<std::pair<std::string_view, image::ResizeFilter>, 3> kAll = {
      {{"nearest", image::ResizeFilter::kNearest},
       {"bilinear", image::ResizeFilter::kBilinear},
       {"bicubic", image::ResizeFilter::kBicubic}}};
};
template <>
struct Words<image::PadMode> {
  static constexpr std::array<std::pair<std::string_view, image::PadMode>, 4> kAll = {
      {{"constant", image::PadMode::kConstant},
       {"edge", image::PadMode::kEdge},
       {"reflect", image::PadMode::kReflect},
       {"symmetric", image::PadMode::kSymmetric}}};
};

}  // namespace millrace::transforms
