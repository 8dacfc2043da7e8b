#pragma once

#include <string>

#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// A commented YAML file that `millrace train` reads: what a survey found, and for all else what is sensible for it on
/// a machine with so many processors. `given` is the path that was looked at, `file` the name that the file will have.
std::string configuration(const Survey& survey, const std::string& given, const std::string& file, int processors);

}  // namespace millrace::surveys
