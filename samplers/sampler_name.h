#pragma once

#include <concepts>
#include <string>
#include <typeinfo>

namespace millrace {

/// A sampler with a name for its kind of order, which stays when its type gets another. The name of a sampler that
/// wraps another and keeps no place of its own has the inner sampler's name as a part.
template <class S>
concept NamedSampler = requires(const S& sampler) {
  { sampler.name() } -> std::convertible_to<std::string>;
};

namespace detail {

/// A type as written in the program: "millrace::RandomSampler".
std::string type_text(const std::type_info& type);

}  // namespace detail

/// The kind of a sampler, or of a sampler of batches: its name(), else its type. A state of one kind does not fit
/// another, even where the positions would.
template <class S>
std::string sampler_name(const S& sampler) {
  if constexpr (NamedSampler<S>)
    return sampler.name();
  else
    return detail::type_text(typeid(S));
}

}  // namespace millrace
