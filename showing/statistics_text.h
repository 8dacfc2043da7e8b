#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "millrace/showing/statistics.h"

namespace millrace::showing {

/// What statistics say, a line each, for a terminal.
std::vector<std::string> lines_of(const Statistics& statistics);

/// "8 of 10 samples were read, 2 cannot be read".
std::string first_line_of(const Statistics& statistics);

/// "the smallest 20 x 30, 640 x 480 in the middle, the largest 4000 x 3000", or "all 28 x 28".
std::string sizes_in_words(const std::map<PictureSize, int64_t>& sizes);

/// The name of a class by its number: "cat", or "7" where it has none.
std::string class_name(const Statistics& statistics, int64_t label);

/// "2 samples have NaN or infinite numbers, the first is #7 x.npy[7]"; "" where none has.
std::string not_finite_in_words(const NumberStatistics& numbers);

/// A sample that is told of: "#17 photos/17.jpg", or "" where nobody knows which it is.
std::string name_of(int64_t index, const std::string& name);

/// A number with four digits at most behind those that count: "0.4852", "12".
std::string short_number(double value);

}  // namespace millrace::showing
