#pragma once

#include <string>

#include "millrace/configs/errors.h"
#include "millrace/configs/value.h"

namespace millrace::configs {

/// Parses YAML. `source` names it in messages. It is stricter than yaml-cpp: a key that occurs twice, merge keys (<<),
/// a second document, and more than Limits are errors. Aliases become copies. Throws ConfigError.
Value parse(const std::string& text, const std::string& source);

/// The same, but gathers what does not keep it from reading on: keys that occur twice, of which the first counts, and
/// merge keys.
Value parse(const std::string& text, const std::string& source, Problems& problems);

/// Whether the origin of every scalar stands in a comment behind it.
enum class Origins { kInComments, kLeftOut };

/// The value as YAML that parse() reads back. What came from the environment is ${env:NAME} again.
std::string to_yaml(const Value& value, Origins origins = Origins::kInComments);

}  // namespace millrace::configs
