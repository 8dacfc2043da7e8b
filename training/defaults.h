#pragma once

#include "millrace/configs/value.h"

namespace millrace::training {

/// A run with all sections that training needs: those that are missing have sensible contents, whose origin is
/// "default". A path to pictures is then a whole configuration. `cores`: those that this process may use, by which the
/// number of workers is chosen.
configs::Value with_defaults(configs::Value run, int cores);

}  // namespace millrace::training
