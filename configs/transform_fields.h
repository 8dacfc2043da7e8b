#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/loader/images/transforms/descriptions.h"
#include "millrace/loader/images/transforms/expected.h"
#include "millrace/loader/images/transforms/fields.h"

/// Transforms' parameters from YAML, by the lists of their fields and without LibTorch.
namespace millrace::configs {

/// The value of a key, to be read in one of the forms of transforms/fields.h. `low` and `high` bound numbers.
struct KeyValue {
  Node node;
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
/// An element of a list of transforms: a transform's name, or one name with a map of its parameters.
struct NamedStep {
  std::string name;
  Node parameters;  ///< Nothing where there is a name alone.
};

/// Throws ConfigError for an element of another form.
NamedStep named_step(const Node& element);

/// Throws ConfigError for a number, a text or a list in the place of a transform's parameters, with the `key` that it
/// may be meant for.
void require_parameters(const Node& parameters, std::string_view key);

/// The elements of a list of transforms; none of nothing. Throws ConfigError when it is no list.
std::vector<Node> steps_of(const Node& transforms);

namespace detail {

/// What is needed where a key that must be there is missing: "a number: how likely it happens".
std::string needed_text(const std::string& expected, std::string_view key);

/// The same, of a field of the owner.
template <class T, class Field>
std::string needed_for(T& owner, const Field& field) {
  using Form = typename Field::Form;
  if constexpr (std::is_same_v<Form, transforms::forms::Steps>)
    return needed_text("a list of transforms", field.key);
  else if constexpr (std::is_same_v<Form, transforms::forms::Word>)
    return needed_text(std::string(field.word), field.key);
  else
    return needed_text(
        field.visit(owner, [](const auto&... member) { return transforms::expected_in(Form(), member...); }),
        field.key);
}

/// Which keys are read.
enum class Pick : uint8_t {
  kOptional,  ///< Keys that may be left out.
  kRequired,  ///< Keys that must be there.
  kAll,       ///< All keys, none required: those of a nested list that may be left out itself.
};

template <class T, class ReadSteps>
void fill_fields(Section& keys, Pick pick, T& owner, const ReadSteps& read_steps, Problems& problems) {
  transforms::for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    const bool is_required = field.is_required && pick != Pick::kAll;
    if constexpr (std::is_same_v<Form, transforms::forms::Nested>) {
      if (!is_required && pick == Pick::kRequired) return;
      field.visit(owner, [&](auto& nested) {
        fill_fields(keys, is_required ? pick : Pick::kAll, nested, read_steps, problems);
      });
    } else if constexpr (!std::is_same_v<Form, transforms::forms::Hidden>) {
      if (is_required != (pick == Pick::kRequired)) return;
      problems.collect([&] {
        const auto node = is_required ? keys.child(field.key, needed_for(owner, field)) : keys.find(field.key);
        if (!node) return;
        if constexpr (std::is_same_v<Form, transforms::forms::Word>) {
          if (read<std::string>(*node) != field.word)
            throw unknown_word(*node, read<std::string>(*node), {std::string(field.word)});
        } else if constexpr (std::is_same_v<Form, transforms::forms::Steps>) {
          field.visit(owner, [&](auto& member) { read_steps(*node, member); });
        } else {
          field.visit(owner, [&](auto&... member) { read_value({*node, field.low, field.high}, Form(), member...); });
        }
      });
    }
  });
}

/// The key that a value alone is meant for: the first that must be there.
template <class T>
std::string_view first_required_key() {
  std::string_view first;
  transforms::for_each_field<T>([&](const auto& field) {
    if (first.empty() && field.is_required) first = field.key;
  });
  return first;
}

}  // namespace detail

/// Fills in T's fields from its parameters. What is a list of transforms itself is left to read_steps(node, member).
/// Throws ConfigError with all that is wrong with them.
template <class T, class ReadSteps>
void read_fields(const Node& parameters, T& transform, const ReadSteps& read_steps) {
  require_parameters(parameters, detail::first_required_key<T>());
  Section keys(parameters);
  Problems problems;
  // Optional keys come first, so that none of them is suggested as a misspelling of a required key that is missing.
  detail::fill_fields(keys, detail::Pick::kOptional, transform, read_steps, problems);
  detail::fill_fields(keys, detail::Pick::kRequired, transform, read_steps, problems);
  problems.collect([&] { keys.finish(); });
  problems.raise();
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
