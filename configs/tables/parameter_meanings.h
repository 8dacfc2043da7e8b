#pragma once

#include <string_view>

namespace millrace::configs::tables {

/// What a parameter of transforms is for, whose name means the same in each: "How large it becomes." of size. "" of a
/// name that is not known.
std::string_view meaning_of_parameter(std::string_view key);

}  // namespace millrace::configs::tables
