#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/complaint.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/node.h"

namespace millrace::configs {

/// The value of a node as a T. Throws ConfigError that names the type expected and what was found.
///
/// Numbers are decimal, as in YAML 1.2 (010 is ten, not eight); booleans are true and false alone; text is any plain or
/// quoted scalar.
template <class T>
T read(const Node& node);

template <>
bool read<bool>(const Node& node);
template <>
int64_t read<int64_t>(const Node& node);
template <>
uint64_t read<uint64_t>(const Node& node);
template <>
double read<double>(const Node& node);
template <>
std::string read<std::string>(const Node& node);
template <>
std::vector<int64_t> read<std::vector<int64_t>>(const Node& node);
template <>
std::vector<std::vector<int64_t>> read<std::vector<std::vector<int64_t>>>(const Node& node);
template <>
std::vector<double> read<std::vector<double>>(const Node& node);
template <>
std::vector<std::string> read<std::vector<std::string>>(const Node& node);

/// The error for a word that is none of `words`.
ConfigError unknown_word(const Node& node, const std::string& word, const std::vector<std::string>& words);

/// Gives `value`, which was read from `node`. Throws ConfigError for a value that is not from low to high.
int64_t in_range(const Node& node, int64_t value, int64_t low, int64_t high);
double in_range(const Node& node, double value, double low, double high);

/// Reads a map key by key, and knows afterwards which of its keys nobody asked for. So the keys that a section may have
/// are those its reader asks for, and stand in one place. Call finish() after the last one.
class Section {
 public:
  /// Throws ConfigError when the node is neither a map nor nothing.
  explicit Section(Node node);

  const Node& node() const { return node_; }

  /// The value of a key that must be there.
  template <class T>
  T get(std::string_view key) {
    return read<T>(child(key));
  }

  /// The value of a key that may be left out.
  template <class T>
  T get(std::string_view key, T fallback) {
    const auto found = find(key);
    return found ? read<T>(*found) : std::move(fallback);
  }

  /// The value of a key with an integer from `low` to `high`; `fallback` when it is missing.
  int64_t integer(std::string_view key, int64_t fallback, int64_t low,
                  int64_t high = std::numeric_limits<int64_t>::max());

  /// The value of a key with a number from `low` to `high`; `fallback` when it is missing.
  double number(std::string_view key, double fallback, double low,
                double high = std::numeric_limits<double>::infinity());

  /// What stands in `choices` beside the word that a key holds.
  template <class T>
  T choice(std::string_view key, const std::vector<std::pair<std::string, T>>& choices, T fallback) {
    const auto found = find(key);
    return found ? choose(*found, choices) : fallback;
  }
  template <class T>
  T choice(std::string_view key, const std::vector<std::pair<std::string, T>>& choices) {
    return choose(child(key), choices);
  }

  /// Throws ConfigError when it is missing, which says `needed` about it. When it is there under a slip of the pen,
  /// that is what the error is about.
  Node child(std::string_view key, const std::string& needed = "");
  std::optional<Node> find(std::string_view key);  ///< nullopt when it is missing.

  /// Throws ConfigError for all keys that nobody asked for, each with what was meant by it.
  void finish() const;

 private:
  template <class T>
  static T choose(const Node& node, const std::vector<std::pair<std::string, T>>& choices) {
    const auto word = read<std::string>(node);
    std::vector<std::string> words;
    for (const auto& [name, value] : choices) {
      if (name == word) return value;
      words.push_back(name);
    }
    throw unknown_word(node, word, words);
  }
  // The member whose key was meant to be `key`, which is the nearest of all that were asked for; or null.
  const Member* slip_of(std::string_view key) const;
  ConfigError unknown_key(const Member& member) const;

  Node node_;
  std::vector<std::string> asked_;
  std::vector<std::string> told_;  // Keys that an error was about.
};

/// The value that names the type of a section: that of its key `type`, or the section itself where it is a name alone.
/// Throws ConfigError when there is none, which says that `names` are there to choose from.
Node type_of(const Node& section, const std::vector<std::string>& names);

/// The section, or nothing at its place where it is a name alone.
Node settings_of(const Node& section);

/// Throws ConfigError for a key without a value. `expected` says what it takes, and `otherwise` what holds without it.
void require_something(const Node& node, const std::string& expected, const std::string& otherwise);

/// Throws ConfigError for a number with a unit behind it, "30s".
void refuse_unit(const Node& node, std::string_view unit, std::string_view expected);

/// Runs `make` and turns a Fault that it throws into a ConfigError: what a constructor says about its arguments becomes
/// an error with a place, in words of YAML, see complaint(). ConfigErrors pass.
template <class Fault = std::invalid_argument, std::invocable Make>
auto build_of(const std::vector<Node>& sections, const Node& otherwise, Make&& make) {
  try {
    return std::forward<Make>(make)();
  } catch (const ConfigError&) {
    throw;
  } catch (const Fault& e) {
    throw complaint(e.what(), sections, otherwise);
  }
}

/// The same for what is made of one section.
template <class Fault = std::invalid_argument, std::invocable Make>
auto build_at(const Node& section, Make&& make) {
  return build_of<Fault>({section}, section, std::forward<Make>(make));
}

}  // namespace millrace::configs
