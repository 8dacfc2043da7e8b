#pragma once

#include <concepts>
#include <string>
#include <typeinfo>

namespace millrace {

/// Has a name for its kind of order that stays when its type gets another. What wraps another sampler and keeps no
/// place of its own has that one's name as a part.
template <class S>
concept NamedSampler = requires(const S& sampler) {
  { sampler.name() } -> std::convertible_to<std::string>;
};

namespace detail {

/// "millrace::RandomSampler".
std::string type_text(const std::type_info& type);

}  // namespace detail

/// The kind of a sampler, or of a sampler of batches: its name(), else its type. A state of one kind is none of
/// another, even where the positions would fit.
template <class S>
std::string sampler_name(const S& sampler) {
  if constexpr (NamedSampler<S>)
    return sampler.name();
  else
    return detail::type_text(typeid(S));
}

}  // namespace millrace
