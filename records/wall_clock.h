#pragma once

#include <functional>

namespace millrace::records {

/// Says what time it is, in seconds since 1970. Records are told which one they have, so that a test decides on theirs.
using WallClock = std::function<double()>;

/// The machine's.
double system_wall_clock();

}  // namespace millrace::records
