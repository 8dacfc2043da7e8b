#pragma once

#include <cstddef>
#include <type_traits>

// The number of members of an aggregate, so that a list of them that leaves one out is noticed.
namespace millrace::detail {

/// The most members that are counted.
inline constexpr size_t kMostCountedMembers = 16;

/// Stands for the first initializers of an aggregate that has bases.
template <class T>
struct AnyBaseOf {
  AnyBaseOf() = default;
  AnyBaseOf(const AnyBaseOf&) = delete;  // So that a std::any that is the first member does not hold it.
  template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
  operator Base() const;
};

template <class T>
consteval size_t count_bases() {
  if constexpr (requires { T{AnyBaseOf<T>(), AnyBaseOf<T>(), AnyBaseOf<T>()}; })
    return 3;
  else if constexpr (requires { T{AnyBaseOf<T>(), AnyBaseOf<T>()}; })
    return 2;
  else
    return requires { T{AnyBaseOf<T>()}; } ? 1 : 0;
}

// Bases and members together: each takes one pair of braces, arrays too. No pack expands to empty braces, so that every
// number has its line; those of a member that has no default end the count.
template <class T>
consteval size_t count_initializers() {
  size_t count = 0;
  const auto add = [&](bool fits) { count += fits; };
  add(requires { T{{}}; });
  add(requires { T{{}, {}}; });
  add(requires { T{{}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  add(requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; });
  return count;
}

/// The number of an aggregate's members, without those of its bases; at least kMostCountedMembers where it has more.
template <class T>
  requires std::is_aggregate_v<T>
inline constexpr size_t kMembers = count_initializers<T>() > count_bases<T>()
                                       ? count_initializers<T>() - count_bases<T>()
                                       : 0;

}  // namespace millrace::detail
