#pragma once

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "millrace/configs/binder.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/key.h"
#include "millrace/configs/transform_types.h"
#include "millrace/loader/images/transforms/chain.h"

/// Datasets whose keys in YAML are a struct of configs/tables/key.h.
namespace millrace::configs {

/// The value of a dataset's first required key. It says where the dataset's files are, so the dataset's complaints are
/// about it unless they say otherwise.
template <tables::Keyed T>
std::optional<Node> place_of_files(const Node& dataset) {
  std::optional<Node> place;
  tables::for_each_key<T>([&]<class Owner, class Value>(const tables::Key<Owner, Value>& key) {
    if (place) return;
    if constexpr (tables::Keyed<Value>)
      place = place_of_files<Value>(dataset);
    else if (key.is_required)
      place = dataset.find(key.name);
  });
  return place;
}

/// Whether `Make` makes a dataset of the keys and of a chain of transforms; else of the keys alone.
template <class Make, class T>
concept TakesTransforms = std::invocable<const Make&, const T&, transforms::Chain>;

/// The dataset that make(keys) or make(keys, chain) gives for a section whose type is T's name. Throws ConfigError.
template <tables::Keyed T, class Make>
auto open_keyed(const Node& dataset, const std::optional<Node>& steps, const TransformTypes& transforms,
                const Make& make) {
  const Node type = type_of(dataset, {std::string(T::kName)});
  if (read<std::string>(type) != T::kName) throw unknown_word(type, read<std::string>(type), {std::string(T::kName)});
  const Node settings = settings_of(dataset);
  Section section(settings);
  section.find("type");
  const T keys = read_keys<T>(section);
  const Node place = place_of_files<T>(settings).value_or(dataset);
  if constexpr (TakesTransforms<Make, T>) {
    auto chain = steps ? transforms.read_chain(*steps) : transforms::Chain();
    return build_of<std::exception>({settings}, place, [&] { return make(keys, std::move(chain)); });
  } else {
    if (steps) throw steps->error("are for pictures; remove them for this type of dataset");
    return build_of<std::exception>({settings}, place, [&] { return make(keys); });
  }
}

}  // namespace millrace::configs
