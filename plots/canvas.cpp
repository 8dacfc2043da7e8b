#include "millrace/plots/canvas.h"

#include <algorithm>
#include <cstddef>

#include "millrace/plots/small_font.h"

namespace millrace::plots {

Canvas::Canvas(int width, int height, Rgb ground)
    : picture_{height, width, 3, std::vector<uint8_t>(static_cast<size_t>(width) * static_cast<size_t>(height) * 3)} {
  fill({0, 0, width, height}, ground);
}

void Canvas::set(int x, int y, Rgb colour) {
  if (x < 0 || y < 0 || x >= picture_.width || y >= picture_.height) return;
  const size_t pixel = static_cast<size_t>(y) * static_cast<size_t>(picture_.width) + static_cast<size_t>(x);
  uint8_t* const channels = picture_.pixels.data() + 3 * pixel;
  channels[0] = colour.red;
  channels[1] = colour.green;
  channels[2] = colour.blue;
}

void Canvas::fill(const Area& area, Rgb colour) {
  for (int y = area.top; y < area.top + area.height; ++y)
    for (int x = area.left; x < area.left + area.width; ++x) set(x, y, colour);
}

void Canvas::frame(const Area& area, int thickness, Rgb colour) {
  const int across = std::min(thickness, area.width), down = std::min(thickness, area.height);
  fill({area.left, area.top, area.width, down}, colour);
  fill({area.left, area.top + area.height - down, area.width, down}, colour);
  fill({area.left, area.top, across, area.height}, colour);
  fill({area.left + area.width - across, area.top, across, area.height}, colour);
}

void Canvas::text(int left, int top, int scale, Rgb colour, std::string_view text) {
  for (const char character : text) {
    for (size_t row = 0; row < kGlyphHeight; ++row)
      for (size_t column = 0; column < kGlyphWidth; ++column)
        if (is_ink(character, row, column))
          fill({left + static_cast<int>(column) * scale, top + static_cast<int>(row) * scale, scale, scale}, colour);
    left += static_cast<int>(kGlyphWidth) * scale;
  }
}

}  // namespace millrace::plots
