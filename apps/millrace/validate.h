#pragma once

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"

namespace millrace::apps {

/// Opens the dataset of a run and that of its section `test`, and says what their first batches look like, which are
/// read without workers; samples are also read from the copies that workers would get. Throws configs::ConfigError with
/// all that is wrong.
void validate(const configs::Node& run, const configs::DatasetTypes& types);

}  // namespace millrace::apps
