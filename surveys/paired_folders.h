#pragma once

#include <optional>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// Pictures in two folders that belong together by their names: image_pairs, where the folders are called as such
/// usually are (input and target, A and B, low and high, …). Folders of classes may have the same names in them, so
/// other names do not count. Throws std::runtime_error for pictures without a partner, and for folders of pictures and
/// masks, which are read from a list.
std::optional<Survey> survey_paired_folders(const Place& place, const Looked& looked);

}  // namespace millrace::surveys
