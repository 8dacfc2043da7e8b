#pragma once

#include <stdexcept>

namespace millrace::configs {

/// A configuration that cannot be used. The text is complete and one line long: place (file:line:column, or the
/// command line's words), key path, what is wrong, and the cure where one can be guessed.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace millrace::configs
