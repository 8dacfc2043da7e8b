#pragma once

#include <vector>

#include "millrace/configs/tables/description.h"
#include "millrace/configs/value.h"

namespace millrace::configs {

/// A run with the keys that it leaves out, as far as `sections` have a value for them, which are those of the tables or
/// those with a program's own types (own_types.h): its settings, with all that is taken for granted written out. Their
/// origin is "default". Transforms, and sections that name none of several types, stay as they are. REQUIRES: a run
/// that check_run() took.
Value with_key_defaults(Value run, const std::vector<tables::SectionDescription>& sections);

}  // namespace millrace::configs
