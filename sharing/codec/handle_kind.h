#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

#include "millrace/sharing/codec/archive.h"

// What a handle (a lock, a value in shared memory, a queue) says that it is, in front of the rest of it: both ends say
// its type on their own, and another type's object in the same memory would be garbage or a lock that locks nothing.
namespace millrace::detail {

/// Writes `kind`, such as "a Lock" or "an Array of int64_t".
void save_kind(EncodeArchive& archive, std::string_view kind);

/// Reads what save_kind() wrote. Throws DecodeError, naming both, unless that is `kind`.
void load_kind(DecodeArchive& archive, std::string_view kind);

/// A number's name, the same for all types of the same size and signedness.
template <class T>
  requires std::is_arithmetic_v<T>
std::string number_name() {
  if constexpr (std::same_as<T, bool>) return "bool";
  const std::string form = std::is_floating_point_v<T> ? "float" : std::is_signed_v<T> ? "int" : "uint";
  return form + std::to_string(8 * sizeof(T)) + "_t";
}

/// The name of what lies in shared memory: a number's, an enumeration being one, or a class's and its size.
template <class T>
std::string element_name() {
  if constexpr (std::same_as<T, float>)
    return "float";
  else if constexpr (std::same_as<T, double>)
    return "double";
  else if constexpr (std::is_enum_v<T>)
    return number_name<std::underlying_type_t<T>>();
  else if constexpr (std::is_arithmetic_v<T>)
    return number_name<T>();
  else
    return cereal::util::demangle(typeid(T).name()) + " (" + std::to_string(sizeof(T)) + " bytes)";
}

}  // namespace millrace::detail
