#include "millrace/plots/thinning.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>

namespace millrace::plots {
namespace {

using At = std::vector<Point>::const_iterator;

bool is_lower(const Point& a, const Point& b) { return a.y < b.y; }

}  // namespace

std::vector<Point> thinned(const std::vector<Point>& points) {
  std::vector<Point> kept;
  for (At first = points.begin(); first != points.end();) {
    const At end = std::find_if(first, points.end(),
                                [&](const Point& point) { return std::floor(point.x) != std::floor(first->x); });
    const auto [lowest, highest] = std::minmax_element(first, end, is_lower);
    for (const At at : std::set<At>{first, lowest, highest, end - 1}) kept.push_back(*at);
    first = end;
  }
  return kept;
}

}  // namespace millrace::plots
