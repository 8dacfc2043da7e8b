#pragma once

#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/own_types.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/transform_fields.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/loader/images/transforms/table.h"
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

  /// The types that the program added.
  const std::vector<OwnType>& own() const { return own_; }

 private:
  using Read = transforms::Chain (*)(const Node& parameters, const TransformTypes& types);

  template <class... T>
  void put_all(transforms::TypeList<T...>);
  void put(std::string name, Read read);

  std::vector<std::pair<std::string, Read>> readers_;
  std::vector<OwnType> own_;
};

namespace detail {

/// Reads the lists of transforms that a transform has.
struct StepsReader {
  const TransformTypes& types;

  void operator()(const Node& node, transforms::Chain& chain) const;
  /// Reads a list of chains: [random_invert, [color_jitter: {hue: 0.1}, gaussian_blur: {kernel_size: 3}]] has two.
  void operator()(const Node& node, std::vector<transforms::Chain>& chains) const;
};

/// Leaves the lists of transforms that a transform has to StepsReader.
struct LeaveSteps {
  void operator()(const Node&, transforms::Chain&) const {}
  void operator()(const Node&, std::vector<transforms::Chain>&) const {}
};

template <class T>
transforms::Chain read_transform(const Node& parameters, const TransformTypes& types) {
  T transform;
  read_fields(parameters, transform, StepsReader{types});
  return build_at(parameters, [&] {
    transform.check();
    return transforms::Chain(std::move(transform));
  });
}

}  // namespace detail

template <class T>
TransformTypes& TransformTypes::add() {
  static_assert(transforms::require_transform<T>());
  put(transforms::yaml_name(T::kName), detail::read_transform<T>);
  own_.push_back({tables::describe_transform(transforms::describe<T>()), [](const Node& parameters) {
                    T transform;
                    read_fields(parameters, transform, detail::LeaveSteps());
                  }});
  return *this;
}

}  // namespace millrace::configs
