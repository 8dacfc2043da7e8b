#pragma once

#include <string>
#include <vector>

namespace millrace::plots {

/// Where an axis has its marks: multiples of 1, 2 or 5 times a power of ten, in rising order, the first at or below
/// `low` and the last at or above `high`. About `most` of them, two at least; never closer than `least_step`, which is
/// 1 where only whole numbers have a meaning. A range without an extent, or with next to none, gets one. REQUIRES:
/// finite, low <= high.
std::vector<double> linear_ticks(double low, double high, int most, double least_step = 0);

/// The same for a logarithmic axis: powers of ten, every second or third of them where there are many, with 2 and 5
/// times these where there are few. REQUIRES: finite, 0 < low <= high.
std::vector<double> log_ticks(double low, double high, int most);

/// "0", "0.25", "-20", "1.5k", "2M", "1e-05": six digits at most.
std::string tick_text(double value);

}  // namespace millrace::plots
