#pragma once

#include <optional>
#include <string>

#include "millrace/surveys/place.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// The list of pictures that lies in a folder, where one does: train.csv of train.csv and test.csv, else the only one.
std::optional<std::string> find_list(const Place& place);

/// A file in the place that lists pictures with labels, masks or partners: CSV, JSON lines, or a .txt of two values a
/// line. Which column is what is found out from the columns' names and from whether files of their values are there.
/// Throws std::runtime_error where that stays unknown.
Survey survey_list(const Place& place, const std::string& name, const Looked& looked);

}  // namespace millrace::surveys
