#include "millrace/loader/images/transforms/random_erasing.h"

#include <utility>

#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/draw_box.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomErasing::RandomErasing(double probability, std::pair<double, double> scale_range,
                             std::pair<double, double> ratio_range, std::vector<uint8_t> values)
    : p(probability), scale(scale_range), ratio(ratio_range), value(std::move(values)) {
  check();
}

void RandomErasing::check() const {
  check_probability(kName, p);
  if (!(scale.first >= 0 && scale.first <= scale.second && scale.second <= 1))
    throw range_error(kName, "scale", "0 <= low <= high <= 1", scale);
  check_range(kName, "ratio", ratio);
  check_values(kName, "value", value);
}

std::optional<image::Box> RandomErasing::draw(image::Size input, SampleRng& rng) const {
  if (!rng.chance(p)) return std::nullopt;
  const auto size_of = [&](double height, double width) -> std::optional<image::Size> {
    if (height >= input.height || width >= input.width) return std::nullopt;
    return image::Size{static_cast<int>(height), static_cast<int>(width)};
  };
  return draw_box(input, scale, ratio, size_of, rng);
}

void RandomErasing::apply(Pixels& picture, SampleRng& rng) const {
  if (const auto box = draw(picture.size(), rng)) image::fill_box(picture.planes(), *box, value);
}

}  // namespace millrace::transforms
