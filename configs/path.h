#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/value.h"

namespace millrace::configs {

/// The parts of a path such as "loader.batch_size".
std::vector<std::string> split_path(std::string_view path);

/// The parts as a path again.
std::string join_path(const std::vector<std::string>& parts);

/// The element of a list that a part of a path names by its number, counted from 0; nullptr when there is none.
Value* element_at(Value& list, std::string_view part);

}  // namespace millrace::configs
