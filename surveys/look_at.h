#pragma once

#include <string>

#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// Looks at a folder or a file. Throws std::runtime_error that says what was found there and what it would need, where
/// that is nothing that a model can be trained on.
Survey look_at(const std::string& path, const Looked& looked);

}  // namespace millrace::surveys
