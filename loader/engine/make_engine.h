#pragma once

#include <memory>

#include "millrace/loader/engine/engine.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/loader_parts.h"

namespace millrace {

/// The engine of a loader, with its memory, its clock and its workers, who are started. Throws std::invalid_argument
/// for options that do not go together or do not fit the dataset.
std::unique_ptr<Engine> make_engine(LoaderParts parts, const DataLoaderOptions& options);

}  // namespace millrace
