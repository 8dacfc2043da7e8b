#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/plots/point.h"

namespace millrace::plots {

/// A text as it may stand in XML: <, >, & and quotes as entities, and what is no character of XML escaped. One longer
/// than `most` bytes is cut in the middle.
std::string xml_text(std::string_view text, size_t most = 240);

/// How wide a text is at most, in pixels of a font of `size`, whatever the font: it is not known where the SVG is made.
double text_width(std::string_view text, double size);

/// The beginning of a text that is `width` wide at most, with "…" where something was left off.
std::string fitted(std::string_view text, double size, double width);

enum class Anchor { kStart, kMiddle, kEnd };

/// An SVG picture while it is drawn, what comes later above what came before. Coordinates are pixels from the upper
/// left; looks come from the classes that the style sheet describes.
class Svg {
 public:
  /// `title` is what a reader gets who does not see the picture.
  Svg(double width, double height, std::string_view title, std::string_view style_sheet);

  void rectangle(std::string_view classes, Point corner, double width, double height);
  void line(std::string_view classes, Point from, Point to);
  void path(std::string_view classes, const std::vector<Point>& points);
  void circle(std::string_view classes, Point centre, double radius);

  /// `at` is on the line that the letters stand on.
  void text(std::string_view classes, Anchor anchor, Point at, std::string_view text);

  /// The file.
  std::string str() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

}  // namespace millrace::plots
