#pragma once

#include "millrace/loader/columns.h"

namespace millrace::training {

/// Tells, as a warning, of masks that hold 255 beside 0 and nothing else, where 255 is no class: so masks look that are
/// black and white, of which nothing would be learned. Does nothing for batches without masks.
void warn_of_black_and_white_masks(const Columns& batch);

}  // namespace millrace::training
