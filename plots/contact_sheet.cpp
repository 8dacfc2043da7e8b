#include "millrace/plots/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "millrace/plots/canvas.h"
#include "millrace/plots/palette.h"
#include "millrace/plots/small_font.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::plots {
namespace {

constexpr int kSide = 256;  // What the longer side of a picture comes close to.
constexpr int kGap = 12;
constexpr int kFrame = 3;  // The thickness of a box.
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

// A caption in letters that the font has, cut into lines of so many letters.
std::vector<std::string> lines_of(const std::string& caption, size_t letters) {
  std::string text;
  for (const char c : printable(caption)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues_a_character = byte >= 0x80 && byte < 0xC0;
    if (!continues_a_character) text += byte < 0x80 ? c : '\x7f';
  }
  if (text.size() > kMostLines * letters) text = text.substr(0, kMostLines * letters - 3) + "...";
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size(); at += letters) lines.push_back(text.substr(at, letters));
  return lines;
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

class Sheet {
 public:
  explicit Sheet(const std::vector<Exhibit>& exhibits)
      : exhibits_(exhibits), columns_(static_cast<int>(std::ceil(std::sqrt(static_cast<double>(exhibits.size()))))) {
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
    Canvas canvas(kGap + columns_ * across(), kGap + rows * down(), kGround);
    for (int i = 0; i < count; ++i)
      draw(canvas, kGap + i % columns_ * across(), kGap + i / columns_ * down(), exhibits_[static_cast<size_t>(i)]);
    return canvas.picture();
  }

 private:
  // From one exhibit to the next.
  int across() const { return width_ + kGap; }
  int down() const { return height_ + static_cast<int>(lines_) * kLine + (lines_ > 0 ? kGap / 2 : 0) + kGap; }

  std::vector<std::string> caption_of(const Exhibit& exhibit) const {
    return lines_of(exhibit.caption, static_cast<size_t>(width_ / kLetter));
  }

  void draw(Canvas& canvas, int left, int top, const Exhibit& exhibit) const {
    const Zoom zoom = zoom_of(exhibit.picture);
    for (int y = 0; y < zoom.of(exhibit.picture.height); ++y)
      for (int x = 0; x < zoom.of(exhibit.picture.width); ++x)
        canvas.set(left + x, top + y, pixel_of(exhibit, x / zoom.times * zoom.part, y / zoom.times * zoom.part, zoom));
    for (const LabelledBox& box : exhibit.boxes)
      canvas.frame(moved(area_of(box, exhibit.picture, zoom), left, top), kFrame, colour_of(box.label));
    int line_top = top + height_ + kGap / 2;
    for (const std::string& line : caption_of(exhibit)) {
      canvas.text(left, line_top, kTextScale, kInk, line);
      line_top += kLine;
    }
  }

  static Rgb pixel_of(const Exhibit& exhibit, int x, int y, const Zoom& zoom) {
    const Rgb colour = mean_colour(exhibit.picture, x, y, zoom.part);
    const auto mask = mask_colour(exhibit, x, y);
    return mask ? half_way(colour, *mask) : colour;
  }

  const std::vector<Exhibit>& exhibits_;
  int columns_;
  int width_ = kSide / 2;  // Room for a caption under narrow pictures.
  int height_ = 0;
  size_t lines_ = 0;
};

}  // namespace

Picture contact_sheet(const std::vector<Exhibit>& exhibits) {
  if (exhibits.empty()) throw std::invalid_argument("a contact sheet of no picture");
  for (const Exhibit& exhibit : exhibits) require_consistent(exhibit);
  return Sheet(exhibits).picture();
}

}  // namespace millrace::plots
