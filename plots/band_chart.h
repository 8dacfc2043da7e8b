#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::plots {

/// A stretch of a row, in the colour of its kind.
struct Band {
  double begin = 0;
  double end = 0;
  size_t kind = 0;  ///< Of BandChart::kinds.
};

struct BandRow {
  std::string name;
  std::vector<Band> bands;  ///< Drawn in this order.
};

/// Rows below each other, each of bands along one axis: parts of a whole, or what somebody did when.
struct BandChart {
  std::string title;
  std::string x_label;
  double x_end = 1;  ///< Where the axis ends, which begins at 0. What lies beyond is not drawn. REQUIRES: above 0.
  std::vector<std::string> kinds;
  std::vector<BandRow> rows;
};

/// The chart as an SVG file, as that of a line chart (line_chart.h). The legend names the kinds that have a band; a
/// kind has its colour whether or not others have bands. Each half pixel has the colour of the kind that takes most of
/// it, so that any number of bands is some hundred rectangles.
std::string to_svg(const BandChart& chart);

}  // namespace millrace::plots
