#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/origin.h"

namespace millrace::configs {

/// One thing that is wrong with a configuration. The text is complete and one line long: place (file:line:column, or
/// the command line's words), key path, what is wrong, and the cure where one can be guessed.
struct Problem {
  Origin origin;
  std::string text;
};

/// A configuration that cannot be used. what() has a line for each of the first kTold problems.
class ConfigError : public std::runtime_error {
 public:
  static constexpr size_t kTold = 20;  ///< Who mends these knows what the others are about.

  /// One problem, "PLACE: WHAT".
  ConfigError(const Origin& origin, const std::string& what);
  /// Several, which it puts into the order of their places.
  explicit ConfigError(std::vector<Problem> problems);

  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// Gathers problems, so that all of a file are told in one go.
class Problems {
 public:
  /// Calls check(), and keeps what it finds: the problems of a ConfigError that it throws. Other errors pass.
  template <std::invocable Check>
  void collect(Check&& check) {
    try {
      std::forward<Check>(check)();
    } catch (const ConfigError& error) {
      add(error);
    }
  }
  void add(const ConfigError& error);

  bool empty() const { return problems_.empty(); }

  /// Throws them, if there are any.
  void raise() const;

 private:
  std::vector<Problem> problems_;
};

}  // namespace millrace::configs
