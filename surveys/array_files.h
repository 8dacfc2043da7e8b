#pragma once

#include <optional>
#include <string>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// .npy files in a folder: what goes in, vectors or pictures, and what is learned, row by row, and the same to test
/// with where files are called train… and test…. Nothing where there are none. Throws std::runtime_error for arrays
/// that no model of `train` takes.
std::optional<Survey> survey_arrays(const Place& place);

/// The same of the arrays in an .npz file of the place. Those to test with lie in it too, or in a file beside it.
Survey survey_npz(const Place& place, const std::string& name);

/// The same of the only .npz file, or of that which has one to test with beside it; nothing where there is none.
std::optional<Survey> survey_npz_files(const Place& place);

}  // namespace millrace::surveys
