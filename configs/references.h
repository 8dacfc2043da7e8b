#pragma once

#include "millrace/configs/value.h"

namespace millrace::configs {

/// Replaces what ${} stands for in every scalar of a document.
///
///   ${dataset.root}      the value at that path, counted from the top. Alone in a scalar it may be a list or a map;
///                        within text it must be a scalar
///   ${env:HOME}          an environment variable, which must be set
///   ${env:WORKERS,2}     an environment variable, or what follows the comma when it is not set
///
/// A replaced value has the origin of the place where ${} stands. A value from an environment variable may be a secret:
/// it remembers the variable's name, and is shown nowhere. It is text, even where it says ${}. Throws ConfigError when
/// a path leads nowhere or back to itself, a variable is not set, or references stand for more than Limits.
void resolve_references(Value& root);

}  // namespace millrace::configs
