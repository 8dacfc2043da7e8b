#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/configs/tables/key.h"
#include "millrace/sharing/os/printable.h"

/// Fills the structs of configs/tables from YAML.
namespace millrace::configs {

namespace detail {

template <class Value>
struct OptionalOf {
  using Inner = Value;
};
template <class Value>
struct OptionalOf<std::optional<Value>> {
  using Inner = Value;
};

/// Reads the value of a key, which must be within its bounds and one of its words.
template <class Owner, class Value>
Value value_of_key(const Node& node, const tables::Key<Owner, Value>& key) {
  using Inner = typename OptionalOf<Value>::Inner;
  if constexpr (tables::ReadElsewhere<Inner>) {
    return {};
  } else {
    Inner value = read<Inner>(node);
    if constexpr (std::is_same_v<Inner, int64_t>) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      using Limits = std::numeric_limits<int64_t>;
      in_range(node, value, key.low > -kInfinity ? static_cast<int64_t>(key.low) : Limits::min(),
               key.high < kInfinity ? static_cast<int64_t>(key.high) : Limits::max());
    } else if constexpr (std::is_same_v<Inner, double>) {
      if (key.low > -std::numeric_limits<double>::infinity()) in_range(node, value, key.low, key.high);
    } else if constexpr (std::is_same_v<Inner, std::string>) {
      const auto words = tables::split_words(key.words);
      if (!words.empty() && std::find(words.begin(), words.end(), value) == words.end())
        throw unknown_word(node, value, words);
    }
    return value;
  }
}

enum class Presence : uint8_t { kOptional, kRequired };

template <tables::Keyed T>
void fill_keys(Section& section, Presence presence, T& keys) {
  tables::for_each_key<T>([&]<class Owner, class Value>(const tables::Key<Owner, Value>& key) {
    if constexpr (tables::Keyed<Value>) {
      fill_keys(section, presence, keys.*key.member);
    } else {
      if (key.is_required != (presence == Presence::kRequired)) return;
      const auto node = key.is_required ? section.child(key.name) : section.find(key.name);
      if (node) keys.*key.member = value_of_key(*node, key);
    }
  });
}

}  // namespace detail

/// A T filled in from a section. The caller calls the section's finish().
template <tables::Keyed T>
T read_keys(Section& section) {
  static_assert(tables::require_keys<T>());
  T keys;
  // Optional keys come first, so that none of them is suggested as a misspelling of a required key that is missing.
  detail::fill_keys(section, detail::Presence::kOptional, keys);
  detail::fill_keys(section, detail::Presence::kRequired, keys);
  return keys;
}

/// Calls function(keys) for the struct of the list that a section names by its type, filled in from the section's other
/// keys, and gives what it returns. A name alone stands for a section with that type and nothing else.
template <class... T, class Function>
auto read_type(const Node& node, tables::TypeList<T...>, Function&& function) {
  const bool is_name = node.value().kind == Value::Kind::kScalar;
  Section section(is_name ? node.emptied() : node);
  const Node name_node = is_name ? node : section.child("type");
  const auto name = read<std::string>(name_node);
  std::optional<std::common_type_t<std::invoke_result_t<Function&, T>...>> result;
  const auto try_type = [&]<class One>(One) {
    if (One::kName != name) return false;
    const One keys = read_keys<One>(section);
    section.finish();
    result.emplace(function(keys));
    return true;
  };
  if (!(try_type(T()) || ...)) throw unknown_word(name_node, name, {std::string(T::kName)...});
  return *std::move(result);
}

/// What stands beside `word` in `named`, which says what a key's words mean. A word that it lacks is a fault of ours.
template <class T>
T meaning_of(const std::string& word, const std::vector<std::pair<std::string, T>>& named) {
  for (const auto& [name, value] : named)
    if (name == word) return value;
  throw std::logic_error("configs: the word " + in_quotes(word) + " of a table has no meaning");
}

}  // namespace millrace::configs
