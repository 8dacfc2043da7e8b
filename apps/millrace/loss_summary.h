#pragma once

#include <string>
#include <vector>

#include "millrace/loader/stats.h"

namespace millrace::apps {

/// What a loader has lost so far, for a progress line: "1 worker died", "5 samples left out", "2 replaced".
std::vector<std::string> loss_notes(const LoaderStats& stats);

/// The same as one line for the end of a run, with the cause where there may be several: "while training, 1 worker
/// process died and was replaced, 3 samples were read again; 5 samples could not be read: 5 left out, the last for:
/// TEXT". Empty where nothing was lost. `when` is its beginning, "while training".
std::string loss_summary(const std::string& when, const LoaderStats& stats);

}  // namespace millrace::apps
