#pragma once

#include <optional>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// .npy files in a folder: what goes in and what is learned, row by row, and the same to test with where files are
/// called train… and test…. Nothing where there are none. Throws std::runtime_error for arrays that no model of `train`
/// takes.
std::optional<Survey> survey_arrays(const Place& place);

}  // namespace millrace::surveys
