#pragma once

#include <string>

#include "millrace/configs/value.h"

namespace millrace::configs {

/// Parses YAML. `source` names it in messages. It is stricter than yaml-cpp: a key that occurs twice, merge keys (<<),
/// a second document, and more than Limits are errors. Aliases become copies. Throws ConfigError.
Value parse(const std::string& text, const std::string& source);

/// The value as YAML that parse() reads back, with the origin of every scalar in a comment behind it. Values from the
/// environment are written as ${env:NAME}.
std::string to_yaml(const Value& value);

}  // namespace millrace::configs
