#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/loader/images/transforms/transforms.h"

namespace millrace::configs {

class TransformTypes;

/// The value of a key, to be read in one of the forms of transforms/fields.h. `low` and `high` bound numbers.
struct KeyValue {
  Node node;
  const TransformTypes& types;
  double low;
  double high;
};

void read_value(const KeyValue& from, transforms::forms::Plain, bool& value);
void read_value(const KeyValue& from, transforms::forms::Plain, int& value);
void read_value(const KeyValue& from, transforms::forms::Plain, double& value);
/// Reads a range, [low, high].
void read_value(const KeyValue& from, transforms::forms::Plain, std::pair<double, double>& range);
/// Reads 224, or [224, 320] for height and width.
void read_value(const KeyValue& from, transforms::forms::Plain, image::Size& size);
/// Reads 4, or [2, 4] for left and right, top and bottom, or [left, top, right, bottom].
void read_value(const KeyValue& from, transforms::forms::Plain, image::Borders& borders);
void read_value(const KeyValue& from, transforms::forms::Plain, std::vector<double>& values);
/// Reads a word of transforms::Words.
template <class Enum>
  requires std::is_enum_v<Enum>
void read_value(const KeyValue& from, transforms::forms::Plain, Enum& value);

void read_value(const KeyValue& from, transforms::forms::Channels, std::vector<uint8_t>& values);
void read_value(const KeyValue& from, transforms::forms::Channels, std::vector<float>& values);
/// Reads 3, [3], or [3, 5].
void read_value(const KeyValue& from, transforms::forms::Kernel, image::Size& size);
void read_value(const KeyValue& from, transforms::forms::Shorter, image::Size& size, bool& is_shorter_side);
/// Reads 10 for -10 to 10, or [-5, 20].
void read_value(const KeyValue& from, transforms::forms::Symmetric, std::pair<double, double>& range);
/// Reads 0.4 for 0.6 to 1.4, or [0.6, 1.4].
void read_value(const KeyValue& from, transforms::forms::Factors, std::pair<double, double>& range);
/// Reads 0.1 for -0.1 to 0.1, or [-0.1, 0.1].
void read_value(const KeyValue& from, transforms::forms::Turns, std::pair<double, double>& range);
/// Reads what Symmetric takes, for x alone; or four numbers, low and high along x, low and high along y.
void read_value(const KeyValue& from, transforms::forms::Shear, std::pair<double, double>& along_x,
                std::pair<double, double>& along_y);
void read_value(const KeyValue& from, transforms::forms::Steps, transforms::Chain& chain);
/// Reads a list of chains: [random_invert, [color_jitter: {hue: 0.1}, gaussian_blur: {kernel_size: 3}]] has two.
void read_value(const KeyValue& from, transforms::forms::Steps, std::vector<transforms::Chain>& chains);

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
  using Read = transforms::Chain (*)(Section& keys, const TransformTypes& types);
  void put(std::string name, Read read);

  std::vector<std::pair<std::string, Read>> readers_;
};

namespace detail {

/// Which keys are read.
enum class Pick : uint8_t {
  kOptional,  ///< Keys that may be left out.
  kRequired,  ///< Keys that must be there.
  kAll,       ///< All keys, none required: those of a nested list that may be left out itself.
};

template <class T>
void read_fields(Section& keys, const TransformTypes& types, Pick pick, T& owner) {
  transforms::for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    const bool is_required = field.is_required && pick != Pick::kAll;
    if constexpr (std::is_same_v<Form, transforms::forms::Nested>) {
      if (!is_required && pick == Pick::kRequired) return;
      field.visit(owner, [&](auto& nested) { read_fields(keys, types, is_required ? pick : Pick::kAll, nested); });
    } else if constexpr (!std::is_same_v<Form, transforms::forms::Hidden>) {
      if (is_required != (pick == Pick::kRequired)) return;
      const auto node = is_required ? keys.child(field.key) : keys.find(field.key);
      if (!node) return;
      if constexpr (std::is_same_v<Form, transforms::forms::Word>) {
        if (read<std::string>(*node) != field.word)
          throw unknown_word(*node, read<std::string>(*node), {std::string(field.word)});
      } else {
        field.visit(owner,
                    [&](auto&... member) { read_value({*node, types, field.low, field.high}, Form(), member...); });
      }
    }
  });
}

template <class T>
transforms::Chain read_transform(Section& keys, const TransformTypes& types) {
  T transform;
  // Optional keys come first, so that none of them is suggested as a misspelling of a required key that is missing.
  read_fields(keys, types, Pick::kOptional, transform);
  read_fields(keys, types, Pick::kRequired, transform);
  return build_at(keys.node(), [&] {
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

template <class Enum>
  requires std::is_enum_v<Enum>
void read_value(const KeyValue& from, transforms::forms::Plain, Enum& value) {
  const auto word = read<std::string>(from.node);
  std::vector<std::string> words;
  for (const auto& [name, named] : transforms::Words<Enum>::kAll) {
    words.emplace_back(name);
    if (name != word) continue;
    value = named;
    return;
  }
  throw unknown_word(from.node, word, words);
}

}  // namespace millrace::configs
