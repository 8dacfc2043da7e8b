#include "millrace/plots/chart_style.h"

#include <array>
#include <cstdio>

#include "millrace/plots/palette.h"

namespace millrace::plots {
namespace {

struct Theme {
  const char* ground;
  const char* ink;
  const char* faint_ink;
  const char* grid;
  Rgb Hue::* hue;
};
constexpr Theme kLight{"#fcfcfb", "#0b0b0b", "#52514e", "#e1e0d9", &Hue::on_light};
constexpr Theme kDark{"#1a1a19", "#ffffff", "#c3c2b7", "#3a3a37", &Hue::on_dark};

std::string css(const Rgb& colour) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "#%02x%02x%02x", colour.red, colour.green, colour.blue);
  return text.data();
}

std::string rules_of(const Theme& theme) {
  std::string rules = std::string("svg{background:") + theme.ground + "}.ground{fill:" + theme.ground +
                      "}.title{fill:" + theme.ink + "}.label{fill:" + theme.faint_ink + "}.grid{stroke:" + theme.grid +
                      "}.axis{stroke:" + theme.faint_ink + "}\n";
  for (size_t i = 0; i < kHues.size(); ++i) {
    const std::string name = std::to_string(i), colour = css(kHues[i].*theme.hue);
    rules += ".line" + name + "{stroke:" + colour + "}.dot" + name + "{fill:" + colour + "}\n";
  }
  return rules;
}

}  // namespace

std::string chart_style_sheet() {
  return "text{font:14px system-ui,sans-serif}.title{font-weight:600}\n"
         ".grid,.axis{stroke-width:1}.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
         ".dashes1{stroke-dasharray:8 4}.dashes2{stroke-dasharray:2 4}.dashes3{stroke-dasharray:8 4 2 4}\n" +
         rules_of(kLight) + "@media (prefers-color-scheme:dark){\n" + rules_of(kDark) + "}\n";
}

std::string line_classes(size_t series) {
  constexpr size_t kDashes = 4;
  std::string classes = "line line" + std::to_string(series % kHues.size());
  const size_t dashes = series / kHues.size() % kDashes;
  return dashes == 0 ? classes : classes + " dashes" + std::to_string(dashes);
}

std::string dot_classes(size_t series) { return "dot" + std::to_string(series % kHues.size()); }

}  // namespace millrace::plots
