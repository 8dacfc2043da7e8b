#pragma once

#include <optional>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// MNIST, what else comes in such idx files, CIFAR-10 and CIFAR-100, unpacked; nothing where their files are not there.
/// Throws std::runtime_error where they are not whole.
std::optional<Survey> survey_published(const Place& place);

}  // namespace millrace::surveys
