#pragma once

#include "millrace/configs/value.h"

namespace millrace::configs {

/// Replaces what ${} stands for in every scalar of a document.
///
///   ${dataset.root}      the value at that path, counted from the top. Alone in a scalar it may be a list or map, and
///                        quotes around it, which YAML wants within { } and [ ], do not make a text of a number. Within
///                        a text it must be a scalar
///   ${env:HOME}          an environment variable, which must be set
///   ${env:WORKERS,2}     an environment variable, or what follows the comma when it is not set
///
/// A replaced value has the origin of the place where ${} stands, and of an environment variable it remembers the name:
/// its value may be a secret, and is shown nowhere. What a variable holds is text, also where it says ${}.
/// Throws ConfigError with every reference whose path leads nowhere or back to itself or whose variable is not set, and
/// when references stand for more than Limits. Values whose references fail are marked as reported.
void resolve_references(Value& root);

}  // namespace millrace::configs
