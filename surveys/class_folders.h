#pragma once

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// Pictures in one folder a class, of which `test` has the same where there is one. Throws std::runtime_error for
/// folders that image_folder cannot read.
Survey survey_class_folders(const Parts& parts, const Looked& looked);

}  // namespace millrace::surveys
