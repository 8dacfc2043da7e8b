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
#include "millrace/configs/tables/description.h"
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
    if (!key.unit.empty()) refuse_unit(node, key.unit, tables::kTypeText<Inner>);
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

/// Fills in the keys that may be left out, and tells what holds otherwise of one without a value.
template <tables::Keyed T>
void fill_optional_keys(Section& section, T& keys, Problems& problems) {
  tables::for_each_key<T>([&]<class Owner, class Value>(const tables::Key<Owner, Value>& key) {
    if constexpr (tables::Keyed<Value>) {
      fill_optional_keys(section, keys.*key.member, problems);
    } else {
      if (key.is_required) return;
      problems.collect([&] {
        const auto node = section.find(key.name);
        if (!node) return;
        require_something(*node, tables::expected_type(key), tables::text_of_default(keys, key));
        keys.*key.member = value_of_key(*node, key);
      });
    }
  });
}

template <tables::Keyed T>
void fill_required_keys(Section& section, T& keys, Problems& problems) {
  tables::for_each_key<T>([&]<class Owner, class Value>(const tables::Key<Owner, Value>& key) {
    if constexpr (tables::Keyed<Value>) {
      fill_required_keys(section, keys.*key.member, problems);
    } else {
      if (!key.is_required) return;
      problems.collect(
          [&] { keys.*key.member = value_of_key(section.child(key.name, tables::text_of_required(key)), key); });
    }
  });
}

}  // namespace detail

/// A T filled in from a section, which has T's keys and those that were asked for before. Throws ConfigError with all
/// that is wrong with them.
template <tables::Keyed T>
T read_keys(Section& section) {
  static_assert(tables::require_keys<T>());
  T keys;
  Problems problems;
  // Optional keys come first, so that none of them is suggested as a misspelling of a required key that is missing.
  detail::fill_optional_keys(section, keys, problems);
  detail::fill_required_keys(section, keys, problems);
  problems.collect([&] { section.finish(); });
  problems.raise();
  return keys;
}

/// What function(keys) gives for that struct of the list that a section names by its type, filled in from the section's
/// other keys. A name alone stands for a section with that type and nothing else. `others` are names of what is read
/// elsewhere, for messages.
template <class... T, class Function>
auto read_type(const Node& node, tables::TypeList<T...>, Function&& function,
               const std::vector<std::string>& others = {}) {
  std::vector<std::string> names{std::string(T::kName)...};
  names.insert(names.end(), others.begin(), others.end());
  const Node name_node = type_of(node, names);
  const auto name = read<std::string>(name_node);
  std::optional<std::common_type_t<std::invoke_result_t<Function&, T>...>> result;
  const auto try_type = [&]<class One>(One) {
    if (One::kName != name) return false;
    Section section(settings_of(node));
    section.find("type");
    result.emplace(function(read_keys<One>(section)));
    return true;
  };
  if (!(try_type(T()) || ...)) throw unknown_word(name_node, name, names);
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
