#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace millrace::plots {

struct Rgb {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;

  bool operator==(const Rgb&) const = default;
};

/// A colour on a light and on a dark ground.
struct Hue {
  Rgb on_light;
  Rgb on_dark;
};

/// Colours of things that are told apart and have no order: series, classes. Neighbours differ for people who see fewer
/// colours, too.
inline constexpr std::array<Hue, 8> kHues{{
    {{0x2A, 0x78, 0xD6}, {0x39, 0x87, 0xE5}},  // Blue.
    {{0xEB, 0x68, 0x34}, {0xD9, 0x59, 0x26}},  // Orange.
    {{0x1B, 0xAF, 0x7A}, {0x19, 0x9E, 0x70}},  // Green.
    {{0xED, 0xA1, 0x00}, {0xC9, 0x85, 0x00}},  // Yellow.
    {{0xE8, 0x7B, 0xA4}, {0xD5, 0x51, 0x81}},  // Pink.
    {{0x00, 0x83, 0x00}, {0x00, 0x8F, 0x00}},  // Dark green.
    {{0x4A, 0x3A, 0xA7}, {0x90, 0x85, 0xE9}},  // Violet.
    {{0xE3, 0x49, 0x48}, {0xE6, 0x67, 0x67}},  // Red.
}};

/// The same again after the last.
constexpr const Hue& hue_of(size_t index) { return kHues[index % kHues.size()]; }

}  // namespace millrace::plots
