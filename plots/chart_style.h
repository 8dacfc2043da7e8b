#pragma once

#include <cstddef>
#include <string>

namespace millrace::plots {

/// The looks of charts: a style sheet with the colours of a light and of a dark ground, of which the reader's system
/// chooses, and the names of its classes.
///
/// ground, title, label, grid, axis: rectangles, texts and lines that are no data.
std::string chart_style_sheet();

/// Letters of titles and labels, in pixels.
inline constexpr double kChartFontSize = 14;

/// The classes of the line of a series, by its number. Beyond the last hue they come again, dashed.
std::string line_classes(size_t series);

/// Of its dots.
std::string dot_classes(size_t series);

}  // namespace millrace::plots
