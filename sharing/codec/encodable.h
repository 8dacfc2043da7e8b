#pragma once

#include <array>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/sharing/codec/archive.h"

namespace millrace::detail {

/// Whether the codec knows T. It looks inside the standard library's types itself: cereal takes a vector of anything
/// for granted, and then fails inside.
template <class T>
struct IsEncodable
    : std::bool_constant<!std::is_pointer_v<T> && cereal::traits::is_output_serializable<T, EncodeArchive>::value &&
                         cereal::traits::is_input_serializable<T, DecodeArchive>::value> {};

template <class T>
inline constexpr bool kIsEncodable = IsEncodable<T>::value;

template <class... T>
struct AreEncodable : std::bool_constant<(kIsEncodable<std::remove_const_t<T>> && ...)> {};

template <class T, class A>
struct IsEncodable<std::vector<T, A>> : AreEncodable<T> {};
template <class T, class A>
struct IsEncodable<std::deque<T, A>> : AreEncodable<T> {};
template <class T, class A>
struct IsEncodable<std::list<T, A>> : AreEncodable<T> {};
template <class T, size_t N>
struct IsEncodable<std::array<T, N>> : AreEncodable<T> {};
template <class K, class C, class A>
struct IsEncodable<std::set<K, C, A>> : AreEncodable<K> {};
template <class K, class H, class E, class A>
struct IsEncodable<std::unordered_set<K, H, E, A>> : AreEncodable<K> {};
template <class K, class T, class C, class A>
struct IsEncodable<std::map<K, T, C, A>> : AreEncodable<K, T> {};
template <class K, class T, class H, class E, class A>
struct IsEncodable<std::unordered_map<K, T, H, E, A>> : AreEncodable<K, T> {};
template <class T>
struct IsEncodable<std::optional<T>> : AreEncodable<T> {};
template <class T, class U>
struct IsEncodable<std::pair<T, U>> : AreEncodable<T, U> {};
template <class... T>
struct IsEncodable<std::tuple<T...>> : AreEncodable<T...> {};
template <class... T>
struct IsEncodable<std::variant<T...>> : AreEncodable<T...> {};

/// True, or a compile-time error that says what T lacks; the compiler names T beside it. Callers stop there, so that it
/// stays the only error.
template <class T>
consteval bool require_travels() {
  static_assert(kIsEncodable<T>,
                "this type cannot travel to another process: give it a public `serialize` member that visits all "
                "members (or save() and load()); for pointers, views and spans send an owning type");
  return kIsEncodable<T>;
}

}  // namespace millrace::detail
