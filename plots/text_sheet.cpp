#include "millrace/plots/text_sheet.h"

#include <cstddef>
#include <stdexcept>

#include "millrace/plots/canvas.h"
#include "millrace/plots/caption.h"
#include "millrace/plots/palette.h"
#include "millrace/plots/small_font.h"

namespace millrace::plots {
namespace {

constexpr size_t kLetters = 96;  // In a line.
constexpr size_t kMostLines = 4;
constexpr int kScale = 2;
constexpr int kLineHeight = kScale * static_cast<int>(kGlyphHeight) + 4;
constexpr int kMargin = 12;
constexpr int kWidth = 2 * kMargin + kScale * static_cast<int>(kGlyphWidth * kLetters);
constexpr Rgb kBetween{0xF2, 0xF2, 0xF0}, kPaper{0xFF, 0xFF, 0xFF}, kInk{0x20, 0x20, 0x1F};

std::vector<std::string> lines_of(const TextEntry& entry) {
  std::vector<std::string> lines = caption_lines(entry.name, kLetters, 1);
  for (const std::string& line : entry.lines)
    for (const std::string& part : caption_lines(line, kLetters, kMostLines)) lines.push_back(part);
  return lines;
}

int height_of(const std::vector<std::string>& lines) {
  return 2 * kMargin + kLineHeight * static_cast<int>(lines.size());
}

// The name in a colour, all else in black.
void draw(Canvas& canvas, int top, const std::vector<std::string>& lines) {
  canvas.fill({0, top, kWidth, height_of(lines)}, kPaper);
  int line_top = top + kMargin;
  for (const std::string& line : lines) {
    canvas.text(kMargin, line_top, kScale, line_top == top + kMargin ? kHues[0].on_light : kInk, line);
    line_top += kLineHeight;
  }
}

}  // namespace

Picture text_sheet(const std::vector<TextEntry>& entries) {
  if (entries.empty()) throw std::invalid_argument("a sheet of no text");
  std::vector<std::vector<std::string>> all;
  int height = 0;
  for (const TextEntry& entry : entries) {
    all.push_back(lines_of(entry));
    height += height_of(all.back()) + kMargin / 2;
  }
  Canvas canvas(kWidth, height, kBetween);
  int top = 0;
  for (const auto& lines : all) {
    draw(canvas, top, lines);
    top += height_of(lines) + kMargin / 2;
  }
  return canvas.picture();
}

}  // namespace millrace::plots
