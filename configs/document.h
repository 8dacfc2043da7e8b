#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"

namespace millrace::configs {

/// Reads a file and those that it includes (includes.h), applies overrides in order (overrides.h), and resolves
/// references (references.h). The file must hold a map, in which no value may be left ???, which stands for one that
/// must be given.
/// Throws ConfigError with all that is wrong, also when a file cannot be read or is none: a pipe may never end.
Node load(const std::string& file, const std::vector<std::string>& overrides = {});

/// The same of a document that was read already, or made.
Node load(Value document, const std::vector<std::string>& overrides);

/// That of a file, but gathers what does not keep it from reading on. Values with a problem are marked as reported.
Node load(const std::string& file, const std::vector<std::string>& overrides, Problems& problems);

}  // namespace millrace::configs
