#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/encodable.h"
#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/codec/target.h"

namespace millrace {

/// A function that another process can call: its place, and the place of the code that decodes its arguments.
struct Target {
  FunctionRef invoker;
  FunctionRef function;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(invoker, function);
  }
};

/// A call as it travels: what is called, and the encoded arguments.
struct Call {
  Target target;
  Encoded arguments;
};

/// What becomes of a target's result: it is encoded for the caller, or dropped. A dropped result may be of any type.
enum class ResultUse { kEncode, kDrop };

/// A Target found in this process, ready to be called. A value.
class LocalTarget {
 public:
  /// Decodes the arguments, calls, and encodes the result; void gives nothing.
  using Invoker = void(void* function, DecodeArchive& arguments, EncodeArchive& result);

  /// Finds the target. Throws FunctionError when this process does not have the function.
  explicit LocalTarget(const Target& target)
      : invoker_(resolve<Invoker>(target.invoker)), function_(resolve_function(target.function)) {}

  void operator()(DecodeArchive& arguments, EncodeArchive& result) const { invoker_(function_, arguments, result); }

 private:
  Invoker* invoker_;
  void* function_;
};

/// Runs a call that came from another process. What the target throws passes through.
inline Encoded run_call(const Target& target, DecodeArchive& arguments) {
  EncodeArchive result;
  LocalTarget{target}(arguments, result);
  return result.take();
}

namespace detail {

template <class T>
struct IsReferenceWrapper : std::false_type {};
template <class T>
struct IsReferenceWrapper<std::reference_wrapper<T>> : std::true_type {};

/// A type that can be written here and read there.
template <class T>
concept Sendable = std::default_initializable<T> && kIsEncodable<T>;

/// What must be known about a function type to have another process call the function.
template <class Pointer>
struct Signature;

template <class R, class... Parameters>
struct Signature<R (*)(Parameters...)> {
  using Result = R;
  template <size_t I>
  using Parameter = std::tuple_element_t<I, std::tuple<Parameters...>>;
  static constexpr size_t kParameters = sizeof...(Parameters);

  template <ResultUse use>
  static void invoke(void* function, DecodeArchive& arguments, [[maybe_unused]] EncodeArchive& result) {
    std::tuple<std::decay_t<Parameters>...> values;
    std::apply([&](auto&... value) { (arguments(value), ...); }, values);
    auto* target = reinterpret_cast<R (*)(Parameters...)>(function);
    const auto call = [&](auto&... value) -> R { return target(static_cast<Parameters&&>(value)...); };
    if constexpr (use == ResultUse::kDrop || std::is_void_v<R>) {
      std::apply(call, values);
    } else {
      static_assert(Sendable<std::decay_t<R>>,
                    "the target's result cannot travel back: give its type a serialize() member and a default "
                    "constructor, and return no pointer");
      result(static_cast<const std::decay_t<R>&>(std::apply(call, values)));
    }
  }
};

template <class R, class... Parameters>
struct Signature<R (*)(Parameters...) noexcept> : Signature<R (*)(Parameters...)> {};

/// The signature of what is no target; kIsTarget is asked before it is used.
struct NoSignature {
  using Result = void;
};

template <class F>
struct SignatureFor : std::type_identity<NoSignature> {};
template <ConvertsToFunctionPointer F>
struct SignatureFor<F> : std::type_identity<Signature<decltype(+std::declval<F>())>> {};
template <class F>
using SignatureOf = typename SignatureFor<F>::type;

template <class Parameter, class Argument>
void encode_argument(EncodeArchive& archive, Argument&& argument) {
  using Value = std::decay_t<Parameter>;
  using Given = std::remove_cvref_t<Argument>;
  static_assert(Sendable<Value>,
                "a parameter's type cannot travel to another process: give it serialize() (or save() and load()) and a "
                "default constructor; for pointers, views and spans take an owning type");
  if constexpr (IsReferenceWrapper<Given>::value) {
    encode_argument<Parameter>(archive, argument.get());
  } else if constexpr (std::same_as<Given, Value> &&
                       (std::is_lvalue_reference_v<Argument> || !std::move_constructible<Value>)) {
    archive(argument);
  } else {
    static_assert(std::is_convertible_v<Argument&&, Value>, "an argument does not convert to its parameter's type");
    // An rvalue is taken from the caller: a connection moved into a call is not also left open here.
    const auto value = static_cast<Value>(std::forward<Argument>(argument));
    archive(value);
  }
}

}  // namespace detail

/// Names a function pointer, a function, or a lambda without captures to other processes.
template <ResultUse use = ResultUse::kEncode, class F>
Target make_target(F&& target) {
  if constexpr (detail::kIsTarget<F>)
    return {identify(&detail::SignatureOf<F>::template invoke<use>), identify(+target)};
}

/// Encodes the arguments of a call of F. Each is converted to its parameter's type without const and reference, written
/// where it stands when it is an lvalue or a std::ref, and consumed when it is an rvalue.
template <class F, class... Arguments>
void pack_arguments_into(EncodeArchive& archive, Arguments&&... arguments) {
  if constexpr (detail::kIsTarget<F>) {
    using Signature = detail::SignatureOf<F>;
    constexpr bool kFits = Signature::kParameters == sizeof...(Arguments);
    static_assert(kFits, "the target takes another number of arguments (default arguments do not count)");
    if constexpr (kFits)
      [&]<size_t... I>(std::index_sequence<I...>) {
        (detail::encode_argument<typename Signature::template Parameter<I>>(archive,
                                                                            std::forward<Arguments>(arguments)),
         ...);
      }(std::index_sequence_for<Arguments...>());
  }
}

template <class F, class... Arguments>
Encoded pack_arguments(Arguments&&... arguments) {
  EncodeArchive archive;
  pack_arguments_into<F>(archive, std::forward<Arguments>(arguments)...);
  return archive.take();
}

/// A call of `target` with these arguments, to be run by run_call() in another process.
///
/// The target needs no registration. It receives values that are decoded in that process. For a reference parameter it
/// receives a fresh object, and the changes that it makes in it stay there. Objects that are handles (queues, locks,
/// shared tensors) refer to the same thing.
template <ResultUse use = ResultUse::kEncode, class F, class... Arguments>
Call pack_call(F&& target, Arguments&&... arguments) {
  return {make_target<use>(target), pack_arguments<F>(std::forward<Arguments>(arguments)...)};
}

}  // namespace millrace
