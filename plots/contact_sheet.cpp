#include "millrace/plots/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "millrace/plots/canvas.h"
#include "millrace/plots/caption.h"
#include "millrace/plots/palette.h"
#include "millrace/plots/small_font.h"

namespace millrace::plots {
namespace {

constexpr int kSide = 256;  // What the longer side of a picture comes close to.
constexpr int kGap = 12;
constexpr int kInnerGap = 4;  // Between exhibits that belong together.
constexpr int kFrame = 3;     // The thickness of a box.
constexpr int kTextScale = 2;
constexpr int kLetter = kTextScale * static_cast<int>(kGlyphWidth);
constexpr int kLine = kTextScale * static_cast<int>(kGlyphHeight);
constexpr size_t kMostLines = 2;
constexpr Rgb kGround{0xF2, 0xF2, 0xF0}, kInk{0x20, 0x20, 0x1F};

// By how much a picture is enlarged or reduced; one of the two is 1.
struct Zoom {
  int times = 1;
  int part = 1;

  int of(int extent) const { return (extent * times + part - 1) / part; }
};

Zoom zoom_of(const Picture& picture) {
  const int longer = std::max(picture.height, picture.width);
  return {std::max(1, kSide / longer), std::max(1, (longer + kSide - 1) / kSide)};
}

// The mean of the pixels from (x, y) on that become one where a picture is reduced.
Rgb mean_colour(const Picture& picture, int x, int y, int extent) {
  std::array<int, 3> sums{};
  int pixels = 0;
  for (int row = y; row < std::min(y + extent, picture.height); ++row)
    for (int column = x; column < std::min(x + extent, picture.width); ++column, ++pixels)
      for (int channel = 0; channel < 3; ++channel) {
        const int index = (row * picture.width + column) * picture.channels + (picture.channels == 1 ? 0 : channel);
        sums[static_cast<size_t>(channel)] += picture.pixels[static_cast<size_t>(index)];
      }
  const auto mean = [&](size_t channel) { return static_cast<uint8_t>((sums[channel] + pixels / 2) / pixels); };
  return {mean(0), mean(1), mean(2)};
}

Rgb half_way(Rgb a, Rgb b) {
  const auto mean = [](int x, int y) { return static_cast<uint8_t>((x + y) / 2); };
  return {mean(a.red, b.red), mean(a.green, b.green), mean(a.blue, b.blue)};
}

Rgb colour_of(int label) { return hue_of(static_cast<size_t>(std::max(0, label))).on_light; }

// Nothing for classes that are not shown.
std::optional<Rgb> mask_colour(const Exhibit& exhibit, int x, int y) {
  constexpr int kBackground = 0, kIgnored = 255;
  if (exhibit.mask.empty()) return std::nullopt;
  const int label = exhibit.mask[static_cast<size_t>(y * exhibit.picture.width + x)];
  if (label == kBackground || label == kIgnored) return std::nullopt;
  return colour_of(label);
}

void require_consistent(const Exhibit& exhibit) {
  require_whole(exhibit.picture);
  const auto pixels = static_cast<size_t>(exhibit.picture.height) * static_cast<size_t>(exhibit.picture.width);
  if (!exhibit.mask.empty() && exhibit.mask.size() != pixels)
    throw std::invalid_argument("a mask of " + std::to_string(exhibit.mask.size()) + " numbers for a picture of " +
                                std::to_string(pixels) + " pixels: expected one for each");
}

// Where a box is on its picture once that is zoomed. A box may be anywhere, as a model that learns yet says it; what is
// outside is cut off, and what is no number is at the edge.
Area area_of(const LabelledBox& box, const Picture& picture, const Zoom& zoom) {
  const auto place = [&](double pixels, int extent) {
    const double inside = std::isnan(pixels) ? 0 : std::clamp<double>(pixels, 0, extent);
    return static_cast<int>(std::lround(inside * zoom.times / zoom.part));
  };
  const int left = place(box.left, picture.width), top = place(box.top, picture.height);
  return {left, top, place(box.right, picture.width) - left, place(box.bottom, picture.height) - top};
}

Area moved(const Area& area, int right, int down) {
  return {area.left + right, area.top + down, area.width, area.height};
}

Rgb pixel_of(const Exhibit& exhibit, int x, int y, const Zoom& zoom) {
  const Rgb colour = mean_colour(exhibit.picture, x, y, zoom.part);
  const auto mask = mask_colour(exhibit, x, y);
  return mask ? half_way(colour, *mask) : colour;
}

void draw_picture(Canvas& canvas, int left, int top, const Exhibit& exhibit) {
  const Zoom zoom = zoom_of(exhibit.picture);
  for (int y = 0; y < zoom.of(exhibit.picture.height); ++y)
    for (int x = 0; x < zoom.of(exhibit.picture.width); ++x)
      canvas.set(left + x, top + y, pixel_of(exhibit, x / zoom.times * zoom.part, y / zoom.times * zoom.part, zoom));
  for (const LabelledBox& box : exhibit.boxes)
    canvas.frame(moved(area_of(box, exhibit.picture, zoom), left, top), kFrame, colour_of(box.label));
}

class Sheet {
 public:
  Sheet(const std::vector<Exhibit>& exhibits, int together) : exhibits_(exhibits), together_(together) {
    const double in_a_row = std::ceil(std::sqrt(static_cast<double>(exhibits.size())));
    columns_ = std::max(1, static_cast<int>(std::ceil(in_a_row / together))) * together;
    for (const Exhibit& exhibit : exhibits) {
      const Zoom zoom = zoom_of(exhibit.picture);
      width_ = std::max(width_, zoom.of(exhibit.picture.width));
      height_ = std::max(height_, zoom.of(exhibit.picture.height));
    }
    for (const Exhibit& exhibit : exhibits) lines_ = std::max(lines_, caption_of(exhibit).size());
  }

  Picture picture() const {
    const int count = static_cast<int>(exhibits_.size());
    const int rows = (count + columns_ - 1) / columns_;
    Canvas canvas(left_of(columns_) - gap() + kGap, kGap + rows * down(), kGround);
    for (int i = 0; i < count; ++i)
      draw(canvas, left_of(i % columns_), kGap + i / columns_ * down(), exhibits_[static_cast<size_t>(i)]);
    return canvas.picture();
  }

 private:
  // Where a column begins. Those that belong together are close, and further away from the others.
  int left_of(int column) const {
    const int groups = column / together_;
    return kGap + column * width_ + groups * gap() + (column - groups) * kInnerGap;
  }
  int gap() const { return together_ == 1 ? kGap : 2 * kGap; }

  // From one exhibit to the one below.
  int down() const { return height_ + static_cast<int>(lines_) * kLine + (lines_ > 0 ? kGap / 2 : 0) + kGap; }

  std::vector<std::string> caption_of(const Exhibit& exhibit) const {
    return caption_lines(exhibit.caption, static_cast<size_t>(width_ / kLetter), kMostLines);
  }

  void draw(Canvas& canvas, int left, int top, const Exhibit& exhibit) const {
    draw_picture(canvas, left, top, exhibit);
    int line_top = top + height_ + kGap / 2;
    for (const std::string& line : caption_of(exhibit)) {
      canvas.text(left, line_top, kTextScale, kInk, line);
      line_top += kLine;
    }
  }

  const std::vector<Exhibit>& exhibits_;
  int together_;
  int columns_ = 1;
  int width_ = kSide / 2;  // Room for a caption under narrow pictures.
  int height_ = 0;
  size_t lines_ = 0;
};

}  // namespace

Picture contact_sheet(const std::vector<Exhibit>& exhibits, int together) {
  if (exhibits.empty()) throw std::invalid_argument("a contact sheet of no picture");
  for (const Exhibit& exhibit : exhibits) require_consistent(exhibit);
  return Sheet(exhibits, together).picture();
}

Picture drawn(const Exhibit& exhibit) {
  require_consistent(exhibit);
  const Zoom zoom = zoom_of(exhibit.picture);
  Canvas canvas(zoom.of(exhibit.picture.width), zoom.of(exhibit.picture.height), kGround);
  draw_picture(canvas, 0, 0, exhibit);
  return canvas.picture();
}

}  // namespace millrace::plots
