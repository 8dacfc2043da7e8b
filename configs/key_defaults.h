#pragma once

#include "millrace/configs/value.h"

namespace millrace::configs {

/// A run with the keys that it leaves out, as far as the tables have a value for them: its settings, with all that is
/// taken for granted written out. Their origin is "default". Transforms, and sections that name none of several types,
/// stay as they are. REQUIRES: a run that check_run() took.
Value with_key_defaults(Value run);

}  // namespace millrace::configs
