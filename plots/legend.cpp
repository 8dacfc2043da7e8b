#include "millrace/plots/legend.h"

#include "millrace/plots/chart_style.h"
#include "millrace/plots/svg.h"

namespace millrace::plots {

std::vector<LegendEntry> legend_of(const std::vector<std::string>& names) {
  std::vector<LegendEntry> entries;
  double left = kChartMargin;
  int row = 0;
  for (const std::string& full_name : names) {
    const std::string name = fitted(full_name, kChartFontSize, kChartWidth - 2 * kChartMargin - kLegendSample);
    const double width = kLegendSample + text_width(name, kChartFontSize);
    if (left > kChartMargin && left + width > kChartWidth - kChartMargin) {
      left = kChartMargin;
      ++row;
    }
    entries.push_back({name, left, row});
    left += width + kChartMargin;
  }
  return entries;
}

int legend_rows(const std::vector<LegendEntry>& entries) { return entries.empty() ? 0 : entries.back().row + 1; }

}  // namespace millrace::plots
