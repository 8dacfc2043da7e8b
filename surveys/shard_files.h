#pragma once

#include <optional>
#include <string>
#include <vector>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// Tar shards in a folder, named as webdataset names them, with pictures and labels; nothing where there are none.
/// Throws std::runtime_error for shards of other contents.
std::optional<Survey> survey_shards(const Place& place, const Looked& looked);

/// Names of files as few words as possible: "train-{000..146}.tar" where they are numbered without gaps, else with ::
/// between them. REQUIRES: not empty, sorted.
std::string shards_pattern(const std::vector<std::string>& paths);

}  // namespace millrace::surveys
