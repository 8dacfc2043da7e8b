#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/loader/columns.h"

namespace millrace::showing {

/// The value of one sample in words, cut to about so many letters: "3", "'a heron'", "Long [1024]: 17 4 9 ...".
std::string text_of_value(const ColumnValue& column, int64_t sample, size_t letters);

}  // namespace millrace::showing
