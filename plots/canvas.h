#pragma once

#include <string_view>

#include "millrace/plots/palette.h"
#include "millrace/plots/picture.h"

namespace millrace::plots {

/// A corner and the extent of a part of a picture, in pixels; parts may lie outside, and are not drawn then.
struct Area {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// A picture in colours while it is drawn.
class Canvas {
 public:
  Canvas(int width, int height, Rgb ground);

  /// A pixel that lies outside is none.
  void set(int x, int y, Rgb colour);

  void fill(const Area& area, Rgb colour);

  /// A line around the area, `thickness` pixels wide, inside of it.
  void frame(const Area& area, int thickness, Rgb colour);

  /// Letters of the small font, each pixel a square of `scale` pixels; one that is no ASCII is a box.
  void text(int left, int top, int scale, Rgb colour, std::string_view text);

  const Picture& picture() const { return picture_; }

 private:
  Picture picture_;
};

}  // namespace millrace::plots
