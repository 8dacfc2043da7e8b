#pragma once

#include <vector>

#include "millrace/configs/tables/description.h"
#include "millrace/configs/value.h"

namespace millrace::training {

/// A run with all sections that training needs: those that are missing have sensible contents, whose origin is
/// "default". A path to pictures is then a whole configuration. `cores`: those that this process may use, by which the
/// number of workers is chosen.
configs::Value with_defaults(configs::Value run, int cores);

/// A run with every key that it leaves out (configs::with_key_defaults()), but for those of loaders that training
/// answers by the run's own: their device, their seed and their order. REQUIRES: what with_defaults() gave.
configs::Value with_all_keys(configs::Value run, const std::vector<configs::tables::SectionDescription>& sections);

}  // namespace millrace::training
