#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/transform_fields.h"
#include "millrace/configs/yaml_words.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/loader/images/transforms/transforms.h"

namespace millrace::configs {

/// The transforms that a list in YAML may name. A program adds its own transforms, which need no more than the list of
/// their fields.
class TransformTypes {
 public:
  /// The types of transforms::NamedTransforms.
  TransformTypes();

  /// Adds T under the name that transforms::yaml_name() makes of its own. Throws std::logic_error when there is one of
  /// that name.
  template <class T>
  TransformTypes& add();

  /// Reads one step: a transform's name, or its name with a map of its parameters. Throws ConfigError.
  transforms::Chain read_step(const Node& node) const;

  /// Reads a list of steps; an empty section is an empty chain. Throws ConfigError.
  transforms::Chain read_chain(const Node& node) const;

 private:
  using Read = transforms::Chain (*)(const Node& parameters, const TransformTypes& types);
  void put(std::string name, Read read);

  std::vector<std::pair<std::string, Read>> readers_;
};

namespace detail {

/// Reads the lists of transforms that a transform has.
struct StepsReader {
  const TransformTypes& types;

  void operator()(const Node& node, transforms::Chain& chain) const;
  /// Reads a list of chains: [random_invert, [color_jitter: {hue: 0.1}, gaussian_blur: {kernel_size: 3}]] has two.
  void operator()(const Node& node, std::vector<transforms::Chain>& chains) const;
};

/// As build_at(), with the complaint in words of YAML.
template <std::invocable Make>
auto build_in_yaml_words(const Node& node, Make&& make) {
  try {
    return std::forward<Make>(make)();
  } catch (const std::invalid_argument& wrong) {
    throw node.error(in_yaml_words(wrong.what()));
  }
}

template <class T>
transforms::Chain read_transform(const Node& parameters, const TransformTypes& types) {
  T transform;
  read_fields(parameters, transform, StepsReader{types});
  return build_in_yaml_words(parameters, [&] {
    transform.check();
    return transforms::Chain(std::move(transform));
  });
}

}  // namespace detail

template <class T>
TransformTypes& TransformTypes::add() {
  static_assert(transforms::require_transform<T>());
  put(transforms::yaml_name(T::kName), detail::read_transform<T>);
  return *this;
}

}  // namespace millrace::configs
