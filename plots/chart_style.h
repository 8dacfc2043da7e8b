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

/// In pixels of the SVG, of which a page of 390 pixels shows 0.8 for each: letters are 11 pixels high there.
inline constexpr double kChartWidth = 480;
inline constexpr double kChartMargin = 12;
inline constexpr double kChartRow = 20;      ///< From line to line of text.
inline constexpr double kLegendSample = 24;  ///< The sample of a colour in a legend, and what is free behind it.

/// The classes of the line of a series, by its number. Beyond the last hue they come again, dashed.
std::string line_classes(size_t series);

/// Of its dots.
std::string dot_classes(size_t series);

}  // namespace millrace::plots
