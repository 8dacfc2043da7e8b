#include "millrace/loader/images/transforms/color_jitter.h"

#include <algorithm>
#include <cmath>

#include "millrace/loader/images/color.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

ColorJitter::ColorJitter(double brightness_change, double contrast_change, double saturation_change, double hue_change)
    : ColorJitter(Range{std::max(0.0, 1 - brightness_change), 1 + brightness_change},
                  {std::max(0.0, 1 - contrast_change), 1 + contrast_change},
                  {std::max(0.0, 1 - saturation_change), 1 + saturation_change}, {-hue_change, hue_change}) {}

ColorJitter::ColorJitter(Range brightness_factors, Range contrast_factors, Range saturation_factors, Range hue_turns)
    : brightness(brightness_factors), contrast(contrast_factors), saturation(saturation_factors), hue(hue_turns) {
  check();
}

void ColorJitter::check() const {
  const auto check_factors = [](const char* what, Range factors) {
    if (!(factors.first >= 0 && factors.first <= factors.second && std::isfinite(factors.second)))
      throw range_error(kName, what, "0 <= low <= high", factors);
  };
  check_factors("brightness", brightness);
  check_factors("contrast", contrast);
  check_factors("saturation", saturation);
  if (!(hue.first >= -0.5 && hue.first <= hue.second && hue.second <= 0.5))
    throw range_error(kName, "hue", "-0.5 <= low <= high <= 0.5", hue);
}

ColorJitter::Drawn ColorJitter::draw(SampleRng& rng) const {
  Drawn drawn{{Change::kBrightness, Change::kContrast, Change::kSaturation, Change::kHue}, {}};
  for (size_t i = drawn.order.size() - 1; i > 0; --i)
    std::swap(drawn.order[i], drawn.order[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(i)))]);
  const auto draw_amount = [&](Change change, Range range, double none) {
    if (range != Range{none, none}) drawn.amounts[static_cast<size_t>(change)] = rng.uniform(range.first, range.second);
  };
  draw_amount(Change::kBrightness, brightness, 1);
  draw_amount(Change::kContrast, contrast, 1);
  draw_amount(Change::kSaturation, saturation, 1);
  draw_amount(Change::kHue, hue, 0);
  return drawn;
}

void ColorJitter::apply(Pixels& picture, SampleRng& rng) const {
  constexpr std::array kAdjust = {image::adjust_brightness, image::adjust_contrast, image::adjust_saturation,
                                  image::adjust_hue};
  const Drawn drawn = draw(rng);
  for (const Change change : drawn.order) {
    const auto i = static_cast<size_t>(change);
    if (drawn.amounts[i]) kAdjust[i](picture.planes(), *drawn.amounts[i]);
  }
}

}  // namespace millrace::transforms
