#include "millrace/plots/line_chart.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "millrace/plots/chart_style.h"
#include "millrace/plots/legend.h"
#include "millrace/plots/svg.h"
#include "millrace/plots/thinning.h"
#include "millrace/plots/ticks.h"

namespace millrace::plots {
namespace {

constexpr double kPlotHeight = 200;
constexpr int kMostTicks = 6;
constexpr size_t kMostWithDots = 12;  // With so few points a reader wants to see which they are.

std::string fitted_to_line(const std::string& text) {
  return fitted(text, kChartFontSize, kChartWidth - 2 * kChartMargin);
}

// From the least to the most of what is shown.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  bool is_whole = true;  // Nothing but whole numbers.

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
    is_whole = is_whole && value == std::floor(value);
  }
};

bool is_shown(const Point& point, Scale y_scale) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (y_scale == Scale::kLinear || point.y > 0);
}

struct Axes {
  Axis x;
  Axis y;
};

// The horizontal one ends where the points do, the vertical one at marks. Nothing where there is no point to show.
std::optional<Axes> axes_of(const LineChart& chart) {
  Range x, y;
  for (const Series& series : chart.series)
    for (const Point& point : series.points)
      if (is_shown(point, chart.y_scale)) {
        x.take(point.x);
        y.take(point.y);
      }
  if (x.low > x.high) return std::nullopt;
  const auto x_ticks = linear_ticks(x.low, x.high, kMostTicks, x.is_whole ? 1 : 0);
  const auto y_ticks =
      chart.y_scale == Scale::kLog ? log_ticks(y.low, y.high, kMostTicks) : linear_ticks(y.low, y.high, kMostTicks);
  const bool is_one_x = x.low == x.high;
  return Axes{{Scale::kLinear, is_one_x ? x_ticks.front() : x.low, is_one_x ? x_ticks.back() : x.high, x_ticks},
              {chart.y_scale, y_ticks.front(), y_ticks.back(), y_ticks}};
}

// The pieces of a line between its gaps, in pixels.
std::vector<std::vector<Point>> pieces_of(const Series& series, Scale y_scale, const Axes& axes) {
  std::vector<std::vector<Point>> pieces(1);
  for (const Point& point : series.points)
    if (is_shown(point, y_scale))
      pieces.back().push_back({axes.x.pixel(point.x), axes.y.pixel(point.y)});
    else if (!pieces.back().empty())
      pieces.emplace_back();
  return pieces;
}

// The names of several series. A chart of one needs none: its title says what it is.
std::vector<std::string> names_in_legend(const std::vector<Series>& all) {
  std::vector<std::string> names;
  if (all.size() < 2) return names;
  for (const Series& series : all) names.push_back(series.name);
  return names;
}

// Where things are, from above: title, legend, the vertical axis's label, the plot, the horizontal axis's marks and
// label.
struct Layout {
  explicit Layout(const LineChart& chart) : legend(legend_of(names_in_legend(chart.series))) {
    first_legend_row = title_row + kChartRow;
    y_label_row = title_row + legend_rows(legend) * kChartRow + kChartRow;
    top = y_label_row + (chart.y_label.empty() ? -kChartRow : 0) + kChartMargin;
    bottom = top + kPlotHeight;
    tick_row = bottom + kChartRow;
    x_label_row = tick_row + kChartRow;
    height = x_label_row + kChartMargin;
  }

  std::vector<LegendEntry> legend;
  double title_row = 24;
  double first_legend_row;
  double y_label_row;
  double top, bottom;  // Of the plot.
  double tick_row;
  double x_label_row;
  double height;
};

class Drawing {
 public:
  explicit Drawing(const LineChart& chart)
      : chart_(chart), layout_(chart), svg_(kChartWidth, layout_.height, chart.title, chart_style_sheet()) {}

  std::string str() {
    svg_.rectangle("ground", {0, 0}, kChartWidth, layout_.height);
    svg_.text("title", Anchor::kStart, {kChartMargin, layout_.title_row}, fitted_to_line(chart_.title));
    draw_legend();
    if (const auto axes = axes_of(chart_))
      draw_plot(*axes);
    else
      svg_.text("label", Anchor::kMiddle, {kChartWidth / 2, (layout_.top + layout_.bottom) / 2}, "nothing to show yet");
    return svg_.str();
  }

 private:
  void draw_legend() {
    for (size_t i = 0; i < layout_.legend.size(); ++i) {
      const LegendEntry& entry = layout_.legend[i];
      const double row = layout_.first_legend_row + entry.row * kChartRow;
      constexpr double kFree = 6, kHalfALetter = 5;
      svg_.line(line_classes(i), {entry.left, row - kHalfALetter},
                {entry.left + kLegendSample - kFree, row - kHalfALetter});
      svg_.text("label", Anchor::kStart, {entry.left + kLegendSample, row}, entry.name);
    }
  }

  void draw_plot(const Axes& unplaced) {
    svg_.text("label", Anchor::kStart, {kChartMargin, layout_.y_label_row}, fitted_to_line(chart_.y_label));
    double widest = 0;
    for (const double tick : unplaced.y.ticks()) widest = std::max(widest, text_width(tick_text(tick), kChartFontSize));
    const double left = kChartMargin + widest + 6, right = kChartWidth - 2 * kChartMargin;
    const Axes axes{unplaced.x.on(left, right), unplaced.y.on(layout_.bottom, layout_.top)};
    draw_marks(axes, left, right);
    svg_.text("label", Anchor::kMiddle, {(left + right) / 2, layout_.x_label_row},
              fitted(chart_.x_label, kChartFontSize, right - left));
    for (size_t i = 0; i < chart_.series.size(); ++i) draw_line(i, axes);
  }

  void draw_marks(const Axes& axes, double left, double right) {
    for (const double tick : axes.y.ticks()) {
      const double y = axes.y.pixel(tick);
      svg_.line("grid", {left, y}, {right, y});
      svg_.text("label", Anchor::kEnd, {left - 6, y + 5}, tick_text(tick));
    }
    svg_.line("axis", {left, layout_.bottom}, {right, layout_.bottom});
    for (const double tick : axes.x.ticks()) {
      const double x = axes.x.pixel(tick);
      svg_.line("axis", {x, layout_.bottom}, {x, layout_.bottom + 4});
      svg_.text("label", Anchor::kMiddle, {x, layout_.tick_row}, tick_text(tick));
    }
  }

  void draw_line(size_t index, const Axes& axes) {
    for (const auto& piece : pieces_of(chart_.series[index], chart_.y_scale, axes)) {
      const auto points = thinned(piece);
      if (points.size() > 1) svg_.path(line_classes(index), points);
      if (points.size() <= kMostWithDots)
        for (const Point& point : points) svg_.circle(dot_classes(index), point, 3);
    }
  }

  const LineChart& chart_;
  Layout layout_;
  Svg svg_;
};

}  // namespace

std::string to_svg(const LineChart& chart) { return Drawing(chart).str(); }

}  // namespace millrace::plots
