#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.ColorJitter: brightness, contrast, saturation and hue changed by uniformly drawn factors,
/// in random order.
struct ColorJitter : KeepsShape {
  using Range = std::pair<double, double>;
  Range brightness = {1, 1};  ///< Factors; {1, 1} changes nothing, here and in the next two.
  Range contrast = {1, 1};
  Range saturation = {1, 1};
  Range hue = {0, 0};  ///< Parts of a whole turn, within -0.5..0.5; {0, 0} changes nothing.

  static constexpr std::string_view kName = "ColorJitter";
  static constexpr std::string_view kAbout = "each a change, or a range of factors, of turns for the hue";
  static constexpr auto fields() {
    return list(field<forms::Factors>("brightness", &ColorJitter::brightness),
                field<forms::Factors>("contrast", &ColorJitter::contrast),
                field<forms::Factors>("saturation", &ColorJitter::saturation),
                field<forms::Turns>("hue", &ColorJitter::hue));
  }

  ColorJitter() = default;
  /// A change of x means factors from max(0, 1 - x) to 1 + x, or turns from -x to x.
  explicit ColorJitter(double brightness_change, double contrast_change = 0, double saturation_change = 0,
                       double hue_change = 0);
  /// Ranges of factors, at least two of them, {1, 1} for no change: with one alone, braces would be ambiguous.
  ColorJitter(Range brightness_factors, Range contrast_factors, Range saturation_factors = {1, 1},
              Range hue_turns = {0, 0});
  void check() const;

  enum class Change : uint8_t { kBrightness, kContrast, kSaturation, kHue };
  struct Drawn {
    std::array<Change, 4> order;
    std::array<std::optional<double>, 4> amounts;  ///< One for each Change; nullopt changes nothing.
  };
  /// Draws the order, then the amounts in the order of their names.
  Drawn draw(SampleRng& rng) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const ColorJitter&) const = default;
};

}  // namespace millrace::transforms
