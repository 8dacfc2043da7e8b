#pragma once

#include <optional>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// Pictures in two folders that belong together by their names: image_masks where the folders are called images and
/// masks or the like, image_pairs where they are called as pairs usually are (input and target, A and B, low and high,
/// …). Folders of classes may have the same names in them, so other names do not count. Throws std::runtime_error for
/// pictures without a partner, and for masks of which nothing can be learned.
std::optional<Survey> survey_paired_folders(const Place& place, const Looked& looked);

}  // namespace millrace::surveys
