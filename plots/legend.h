#pragma once

#include <string>
#include <vector>

namespace millrace::plots {

/// The name of a colour in a legend, and where its sample begins.
struct LegendEntry {
  std::string name;
  double left = 0;
  int row = 0;  ///< From 0.
};

/// The entries of a chart's legend, row by row, as many in each as there is room for.
std::vector<LegendEntry> legend_of(const std::vector<std::string>& names);

/// How many rows they take.
int legend_rows(const std::vector<LegendEntry>& entries);

}  // namespace millrace::plots
