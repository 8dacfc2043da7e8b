#pragma once

#include "millrace/apps/millrace/program_types.h"
#include "millrace/configs/node.h"

namespace millrace::apps {

/// Loads the shared libraries that a run names under `libraries`, for as long as the program lives, and adds their
/// types. Worker processes load them by themselves, when they are sent a function of one. Throws ConfigError with all
/// that is wrong: no such file, no library with MILLRACE_LIBRARY (library.h), one of another build, a name that is
/// taken.
void load_libraries(const configs::Node& run, ProgramTypes& types);

}  // namespace millrace::apps
