#pragma once

#include <string>

namespace millrace::apps {

/// The directory of the run that `--resume` names: by itself, or by its last.pt. Throws std::runtime_error for what is
/// none, with the run that may have been meant: the newest in a folder of runs, that of another checkpoint.
std::string resumed_run(const std::string& given);

}  // namespace millrace::apps
