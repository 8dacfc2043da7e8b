#pragma once

#include <functional>
#include <string>

#include "millrace/apps/millrace/program_types.h"
#include "millrace/configs/node.h"

namespace millrace::apps {

/// What was found behind a section, "test.dataset".
using TellFound = std::function<void(const std::string& section, const std::string& found)>;

/// Opens the dataset of a run and that of its section `test`, and tells what their first batches look like, which are
/// read without workers; samples are also read from the copies that workers would get. Throws configs::ConfigError with
/// all that is wrong.
void validate(const configs::Node& run, const ProgramTypes& types, const TellFound& tell);

}  // namespace millrace::apps
