#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "millrace/configs/tables/key.h"

namespace millrace::configs::tables {

/// A key, described in words.
struct KeyDescription {
  std::string name;
  std::string expected;  ///< The value expected: "an integer, at least 1", "one of rgb, gray".
  bool is_required = false;
  std::string default_value;  ///< The default as YAML has it; empty without one, and where `absent` has words.
  std::string absent;         ///< What holds where the key is left out, in words: "the loader's".
  std::string about;
  std::vector<std::string> words = {};  ///< All that the value may be, where these are few words.
};

/// One thing that a section may name, or a section that is one thing, described in words.
struct Description {
  std::string name;   ///< The name in YAML.
  std::string makes;  ///< The type in C++.
  std::string about;
  std::vector<KeyDescription> keys;
};

/// A section of a configuration.
struct SectionDescription {
  std::string name;
  std::string about;
  std::string example;               ///< An example in YAML.
  std::vector<Description> entries;  ///< One for each type, or one with the section's name if there are none.
};

/// Whether the section's keys do not depend on a type.
inline bool is_one_thing(const SectionDescription& section) {
  return section.entries.size() == 1 && section.entries.front().name == section.name;
}

/// The words that a key's value has to be one of; none where these are not few.
template <class Owner, class Value>
std::vector<std::string> words_of(const Key<Owner, Value>& key) {
  if constexpr (std::is_same_v<Value, bool>) return {"false", "true"};
  return split_words(key.words);
}

/// "an integer", "one of rgb, gray".
template <class Owner, class Value>
std::string expected_type(const Key<Owner, Value>& key) {
  return key.words.empty() ? std::string(kTypeText<Value>) : "one of " + std::string(key.words);
}

/// The same with unit and bounds.
template <class Owner, class Value>
std::string expected_text(const Key<Owner, Value>& key) {
  std::string text = expected_type(key);
  if (!key.words.empty()) return text;
  if (!key.unit.empty()) text.append(", in ").append(key.unit);
  const bool has_high = key.high < std::numeric_limits<double>::infinity();
  if (has_high)
    text += ", from " + text_of(key.low) + " to " + text_of(key.high);
  else if (key.low > -std::numeric_limits<double>::infinity())
    text += ", at least " + text_of(key.low);
  return text;
}

/// What is needed for a key that must be given: "a text: the directory with those of the classes".
template <class Owner, class Value>
std::string text_of_required(const Key<Owner, Value>& key) {
  return expected_text(key) + ": " + within_sentence(key.about);
}

/// What holds where a key is left out: its member's value in `defaults`, or words.
template <class Owner, class Value>
std::string text_of_default(const Owner& defaults, const Key<Owner, Value>& key) {
  return key.absent.empty() ? text_of(defaults.*key.member) : std::string(key.absent);
}

/// Appends the keys of `defaults`, whose values are those of keys that are left out.
template <Keyed T>
void describe_keys(const T& defaults, std::vector<KeyDescription>& keys) {
  for_each_key<T>([&]<class Owner, class Value>(const Key<Owner, Value>& key) {
    if constexpr (Keyed<Value>) {
      describe_keys(defaults.*key.member, keys);
    } else {
      const bool has_value = !key.is_required && key.absent.empty();
      keys.push_back({std::string(key.name), expected_text(key), key.is_required,
                      has_value ? text_of(defaults.*key.member) : "", std::string(key.absent), std::string(key.about),
                      words_of(key)});
    }
  });
}

template <Keyed T>
Description describe() {
  static_assert(require_named<T>());
  Description description{std::string(T::kName), std::string(T::kMakes), std::string(T::kAbout), {}};
  describe_keys(T(), description.keys);
  return description;
}

}  // namespace millrace::configs::tables
