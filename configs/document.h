#pragma once

#include <string>
#include <vector>

#include "millrace/configs/limits.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"

namespace millrace::configs {

/// Reads a file, applies overrides in order (overrides.h), then resolves references (references.h). The file must hold
/// a map. Throws ConfigError, also when the file cannot be read or is no regular file: a pipe may never end.
Node load(const std::string& file, const std::vector<std::string>& overrides = {});

}  // namespace millrace::configs
