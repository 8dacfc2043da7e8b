#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// What may stand in a section of a configuration: a plain struct whose members are the keys' values, with a list of
/// the keys. From the list come the reader of YAML (configs/read_keys.h), `millrace help config` and docs/configs.md.
///
///   struct Random {
///     bool replacement = false;
///     std::optional<uint64_t> seed;
///
///     static constexpr std::string_view kName = "random";               // `type` in YAML.
///     static constexpr std::string_view kMakes = "RandomSampler";       // The type in C++.
///     static constexpr std::string_view kAbout = "A new random order every epoch.";
///     static constexpr auto keys() {
///       return list(key("replacement", &Random::replacement, "Draw with replacement."),
///                   key("seed", &Random::seed, "Seeds the order.").otherwise("the loader's"));
///     }
///   };
///
/// Nothing here knows LibTorch or makes what is described: other files of configs/ do that, from the filled struct.
namespace millrace::configs::tables {

/// The value of a key with a sampler's section below it.
struct InnerSampler {};

/// The value of a key with a dataset's section below it, or a list of such.
struct InnerDataset {};
struct InnerDatasets {};

/// A value that whoever makes the thing reads, from the section below the key.
template <class T>
concept ReadElsewhere =
    std::same_as<T, InnerSampler> || std::same_as<T, InnerDataset> || std::same_as<T, InnerDatasets>;

/// A struct with a list of keys.
template <class T>
concept Keyed = requires { T::keys(); };

/// One key and the member behind it. Where the member has keys of its own, they stand beside the others.
template <class Owner, class Member>
struct Key {
  using Value = Member;

  std::string_view name;
  Value Owner::* member;
  std::string_view about;
  std::string_view unit = {};
  std::string_view words = {};   ///< The words that a text has to be one of: "rgb, gray".
  std::string_view absent = {};  ///< What holds where the key is left out, if the member's value does not say it.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool is_required = false;

  constexpr Key required() const {
    Key key = *this;
    key.is_required = true;
    return key;
  }
  constexpr Key in(std::string_view of_unit) const {
    Key key = *this;
    key.unit = of_unit;
    return key;
  }
  constexpr Key one_of(std::string_view few) const {
    Key key = *this;
    key.words = few;
    return key;
  }
  constexpr Key otherwise(std::string_view what) const {
    Key key = *this;
    key.absent = what;
    return key;
  }
  constexpr Key within(double least, double most) const {
    Key key = *this;
    key.low = least;
    key.high = most;
    return key;
  }
  constexpr Key at_least(double least) const { return within(least, std::numeric_limits<double>::infinity()); }
};

template <class Owner, class Value>
constexpr Key<Owner, Value> key(std::string_view name, Value Owner::* member, std::string_view about) {
  return {.name = name, .member = member, .about = about};
}

template <class Owner, Keyed Value>
constexpr Key<Owner, Value> keys_of(Value Owner::* member) {
  return {.name = {}, .member = member, .about = {}};
}

template <class... Keys>
constexpr std::tuple<Keys...> list(Keys... keys) {
  return {keys...};
}

/// Calls function(key) for each of T's keys, in their order.
template <Keyed T, class Function>
constexpr void for_each_key(Function&& function) {
  std::apply([&](const auto&... key) { (function(key), ...); }, T::keys());
}

/// A list of structs with keys: all that one section may name.
template <class... T>
struct TypeList {};

/// The list of all types of several lists.
template <class... Lists>
struct JoinedLists;
template <class... T>
struct JoinedLists<TypeList<T...>> {
  using Type = TypeList<T...>;
};
template <class... T, class... U, class... Rest>
struct JoinedLists<TypeList<T...>, TypeList<U...>, Rest...> : JoinedLists<TypeList<T..., U...>, Rest...> {};

/// Calls function(T()) for each type of the list, in its order.
template <class... T, class Function>
void for_each_type(TypeList<T...>, Function&& function) {
  (function(T()), ...);
}

/// A value that any member may be initialised with; for counting members.
struct AnyValue {
  template <class T>
  operator T() const;
};

template <class T, size_t kMembers>
constexpr bool can_have_members() {
  return []<size_t... I>(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), AnyValue())...}; };
  }(std::make_index_sequence<kMembers>());
}

/// Whether no key and no member stands in the list twice.
template <Keyed T>
constexpr bool keys_are_distinct() {
  bool distinct = true;
  size_t i = 0;
  for_each_key<T>([&](const auto& one) {
    size_t j = 0;
    for_each_key<T>([&](const auto& other) {
      if (j++ >= i) return;
      if (!one.name.empty() && one.name == other.name) distinct = false;
      if constexpr (std::is_same_v<decltype(one.member), decltype(other.member)>)
        if (one.member == other.member) distinct = false;
    });
    ++i;
  });
  return distinct;
}

/// Whether every key says what it is for.
template <Keyed T>
constexpr bool keys_are_explained() {
  bool explained = true;
  for_each_key<T>([&]<class Owner, class Value>(const Key<Owner, Value>& key) {
    if constexpr (!Keyed<Value>)
      if (key.name.empty() || key.about.empty()) explained = false;
  });
  return explained;
}

/// Compiles for a struct whose list has every member once.
template <Keyed T>
consteval bool require_keys() {
  constexpr size_t kListed = std::tuple_size_v<decltype(T::keys())>;
  static_assert(keys_are_distinct<T>(), "keys() lists a key or a member twice");
  static_assert(keys_are_explained<T>(), "keys() lists a key without a line about it");
  static_assert(can_have_members<T, kListed>(), "keys() lists what is no member");
  static_assert(!can_have_members<T, kListed + 1>(), "keys() does not list every member");
  return true;
}

/// Compiles for a struct that a section may name.
template <Keyed T>
consteval bool require_named() {
  static_assert(
      requires { std::string_view(T::kName); }, "no kName: static constexpr std::string_view, its `type` in YAML");
  static_assert(
      requires { std::string_view(T::kMakes); }, "no kMakes: static constexpr std::string_view, the type in C++");
  static_assert(
      requires { std::string_view(T::kAbout); },
      "no kAbout: static constexpr std::string_view, a line for the reference");
  return require_keys<T>();
}

/// The words of Key::words, one by one.
std::vector<std::string> split_words(std::string_view words);

/// A sentence as a part of another: without its capital and its full stop.
std::string within_sentence(std::string_view sentence);

/// A value as YAML has it.
std::string text_of(bool value);
std::string text_of(int64_t value);
std::string text_of(uint64_t value);
std::string text_of(double value);
std::string text_of(const std::string& value);
std::string text_of(const InnerSampler& value);
std::string text_of(const InnerDataset& value);
std::string text_of(const InnerDatasets& value);
template <class T>
std::string text_of(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text.append(text.empty() ? "" : ", ").append(text_of(value));
  return "[" + text + "]";
}
template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : "none";
}

/// What is expected of a key's value, "an integer", for the reference.
template <class T>
constexpr std::string_view kTypeText = "";
template <>
inline constexpr std::string_view kTypeText<bool> = "true or false";
template <>
inline constexpr std::string_view kTypeText<int64_t> = "an integer";
template <>
inline constexpr std::string_view kTypeText<uint64_t> = "an integer from 0 on";
template <>
inline constexpr std::string_view kTypeText<double> = "a number";
template <>
inline constexpr std::string_view kTypeText<std::string> = "a text";
template <>
inline constexpr std::string_view kTypeText<InnerSampler> = "a sampler";
template <>
inline constexpr std::string_view kTypeText<InnerDataset> = "a dataset";
template <>
inline constexpr std::string_view kTypeText<InnerDatasets> = "a list of datasets";
template <>
inline constexpr std::string_view kTypeText<std::vector<std::vector<int64_t>>> = "a list of lists of integers";
template <>
inline constexpr std::string_view kTypeText<std::vector<int64_t>> = "a list of integers";
template <>
inline constexpr std::string_view kTypeText<std::vector<double>> = "a list of numbers";
template <>
inline constexpr std::string_view kTypeText<std::vector<std::string>> = "a list of texts";
template <class T>
inline constexpr std::string_view kTypeText<std::optional<T>> = kTypeText<T>;

}  // namespace millrace::configs::tables
