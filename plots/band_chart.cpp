#include "millrace/plots/band_chart.h"

#include <algorithm>
#include <cmath>

#include "millrace/plots/axis.h"
#include "millrace/plots/chart_style.h"
#include "millrace/plots/legend.h"
#include "millrace/plots/svg.h"
#include "millrace/plots/ticks.h"

namespace millrace::plots {
namespace {

constexpr double kBandHeight = 16, kBandRow = 22;
constexpr double kWidestName = 130;
constexpr double kColumn = 0.5;  // In pixels.
constexpr int kMostMarks = 6;

// The kinds that a chart shows, in their order.
std::vector<size_t> shown_kinds(const BandChart& chart) {
  std::vector<size_t> kinds;
  for (const BandRow& row : chart.rows)
    for (const Band& band : row.bands)
      if (band.end > band.begin && std::find(kinds.begin(), kinds.end(), band.kind) == kinds.end())
        kinds.push_back(band.kind);
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

std::vector<std::string> names_of(const std::vector<size_t>& kinds, const BandChart& chart) {
  std::vector<std::string> names;
  for (const size_t kind : kinds) names.push_back(chart.kinds[kind]);
  return names;
}

// The bands of a row in pixels. Each column has the kind that takes most of it, so that a million bands which no eye
// tells apart are as many as there are columns, and none hides what lies beside it.
std::vector<Band> drawn_bands(const std::vector<Band>& bands, const BandChart& chart, const Axis& axis) {
  const double left = axis.pixel(0), right = axis.pixel(chart.x_end);
  const auto columns = static_cast<size_t>(std::ceil((right - left) / kColumn));
  std::vector<std::vector<double>> taken(columns, std::vector<double>(chart.kinds.size(), 0));
  for (const Band& band : bands) {
    const double begin = (axis.pixel(std::clamp(band.begin, 0.0, chart.x_end)) - left) / kColumn;
    const double end = (axis.pixel(std::clamp(band.end, 0.0, chart.x_end)) - left) / kColumn;
    for (auto column = static_cast<size_t>(begin); column < columns && static_cast<double>(column) < end; ++column) {
      const auto at = static_cast<double>(column);
      taken[column][band.kind] += std::min(end, at + 1) - std::max(begin, at);
    }
  }
  std::vector<Band> drawn;
  size_t last_column = 0;
  for (size_t column = 0; column < columns; ++column) {
    const auto most = std::max_element(taken[column].begin(), taken[column].end());
    if (most == taken[column].end() || *most == 0) continue;
    const auto kind = static_cast<size_t>(most - taken[column].begin());
    const double begin = left + kColumn * static_cast<double>(column);
    const bool goes_on = !drawn.empty() && drawn.back().kind == kind && last_column + 1 == column;
    if (!goes_on) drawn.push_back({begin, begin, kind});
    drawn.back().end = begin + kColumn;
    last_column = column;
  }
  return drawn;
}

// Where things are, from above: title, legend, rows, marks and label of the axis.
struct BandLayout {
  explicit BandLayout(const BandChart& chart) : kinds(shown_kinds(chart)), legend(legend_of(names_of(kinds, chart))) {
    top = title_row + legend_rows(legend) * kChartRow + kChartMargin;
    bottom = top + kBandRow * static_cast<double>(std::max<size_t>(chart.rows.size(), 1));
    height = bottom + 2 * kChartRow + kChartMargin;
    for (const BandRow& row : chart.rows) left = std::max(left, text_width(row.name, kChartFontSize));
    left = std::min(left, kWidestName) + kChartMargin + 6;
  }

  std::vector<size_t> kinds;
  std::vector<LegendEntry> legend;
  double title_row = 24;
  double top, bottom;  // Of the rows.
  double left = 0, right = kChartWidth - 2 * kChartMargin;
  double height;
};

void draw_band_legend(const BandLayout& layout, Svg& svg) {
  constexpr double kSquare = 12;
  for (size_t i = 0; i < layout.legend.size(); ++i) {
    const LegendEntry& entry = layout.legend[i];
    const double row = layout.title_row + kChartRow * (entry.row + 1);
    svg.rectangle(dot_classes(layout.kinds[i]), {entry.left, row - kSquare + 1}, kSquare, kSquare);
    svg.text("label", Anchor::kStart, {entry.left + kLegendSample, row}, entry.name);
  }
}

void draw_band_marks(const BandChart& chart, const BandLayout& layout, const Axis& axis, Svg& svg) {
  svg.line("axis", {layout.left, layout.bottom}, {layout.right, layout.bottom});
  for (const double tick : axis.ticks()) {
    svg.line("axis", {axis.pixel(tick), layout.bottom}, {axis.pixel(tick), layout.bottom + 4});
    svg.text("label", Anchor::kMiddle, {axis.pixel(tick), layout.bottom + kChartRow}, tick_text(tick));
  }
  svg.text("label", Anchor::kMiddle, {(layout.left + layout.right) / 2, layout.bottom + 2 * kChartRow},
           fitted(chart.x_label, kChartFontSize, layout.right - layout.left));
}

}  // namespace

std::string to_svg(const BandChart& chart) {
  const BandLayout layout(chart);
  Svg svg(kChartWidth, layout.height, chart.title, chart_style_sheet());
  svg.rectangle("ground", {0, 0}, kChartWidth, layout.height);
  svg.text("title", Anchor::kStart, {kChartMargin, layout.title_row},
           fitted(chart.title, kChartFontSize, kChartWidth - 2 * kChartMargin));
  draw_band_legend(layout, svg);
  const Axis axis =
      Axis(Scale::kLinear, 0, chart.x_end, linear_ticks(0, chart.x_end, kMostMarks)).on(layout.left, layout.right);
  for (size_t r = 0; r < chart.rows.size(); ++r) {
    const double top = layout.top + kBandRow * static_cast<double>(r);
    svg.text("label", Anchor::kStart, {kChartMargin, top + kBandHeight - 3},
             fitted(chart.rows[r].name, kChartFontSize, kWidestName));
    for (const Band& band : drawn_bands(chart.rows[r].bands, chart, axis))
      svg.rectangle(dot_classes(band.kind), {band.begin, top}, band.end - band.begin, kBandHeight);
  }
  draw_band_marks(chart, layout, axis, svg);
  return svg.str();
}

}  // namespace millrace::plots
