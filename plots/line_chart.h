#pragma once

#include <string>
#include <vector>

#include "millrace/plots/axis.h"
#include "millrace/plots/point.h"

namespace millrace::plots {

/// A line through points in the order given. One that cannot be shown (not finite; not positive on a logarithmic axis)
/// leaves a gap.
struct Series {
  std::string name;
  std::vector<Point> points;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  Scale y_scale = Scale::kLinear;
};

/// The chart as an SVG file of its own, without script and without anything from elsewhere: light or dark as the
/// reader's system is, as wide as its place, readable from 390 pixels on. A legend names the series where there are
/// several. What would lie within a pixel of a line is drawn once, so that a million points are some thousand.
std::string to_svg(const LineChart& chart);

}  // namespace millrace::plots
