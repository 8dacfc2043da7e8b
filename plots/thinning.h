#pragma once

#include <vector>

#include "millrace/plots/point.h"

namespace millrace::plots {

/// A line that looks the same with fewer points: of those that follow each other in one column of pixels the first, the
/// lowest, the highest and the last. `points` are in pixels.
std::vector<Point> thinned(const std::vector<Point>& points);

}  // namespace millrace::plots
