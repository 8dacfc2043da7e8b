#pragma once

#include <type_traits>

// What may be called in another process: a function that has a name there and nothing that belongs to it here.
namespace millrace::detail {

template <class F>
concept ConvertsToFunctionPointer = requires(F&& target) {
  +target;
  requires std::is_function_v<std::remove_pointer_t<decltype(+target)>>;
};

// True, or a compile-time error that says why not. Callers stop there, so that it stays the only error.
template <class F>
constexpr bool target_is_checked() {
  static_assert(
      ConvertsToFunctionPointer<F>,
      "a target is a function pointer, or a lambda that captures nothing and has no auto parameter: pass what "
      "it needs as arguments");
  return ConvertsToFunctionPointer<F>;
}
template <class F>
inline constexpr bool kIsTarget = target_is_checked<std::remove_cvref_t<F>>();

/// Stands for what depends on a target's type where it is no target, so that target_is_checked() is what is read.
struct OfNoTarget {
  OfNoTarget() = default;
  template <class... T>
  OfNoTarget(const T&...) {}  // NOLINT(google-explicit-constructor): for what was given.
};

}  // namespace millrace::detail
