#pragma once

#include <string>

#include "millrace/configs/errors.h"
#include "millrace/configs/value.h"

namespace millrace::configs {

/// The settings of a file, together with those of the files that its key `include` names, one or a list. Their paths
/// begin at the file that includes them; those that come with Millrace are found by their names (shipped.h). What
/// stands later wins, and the including file stands last: maps are merged
/// key by key, a section of another `type` and all else is replaced.
///
/// Throws ConfigError when the file, or one that it includes, cannot be read, holds no map or includes itself. What
/// does not keep it from reading on goes to `problems`.
Value read_with_includes(const std::string& file, Problems& problems);

}  // namespace millrace::configs
