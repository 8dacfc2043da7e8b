#include "millrace/loader/images/transforms/random_affine.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomAffine::RandomAffine(Ranges of, Interpolation mode, std::vector<uint8_t> values)
    : ranges(of), interpolation(mode), fill(std::move(values)) {
  check();
}

void RandomAffine::check() const {
  check_ordered(kName, "degrees", ranges.degrees);
  check_range(kName, "scale", ranges.scale);
  const auto& [right, down] = ranges.translate;
  if (!(right >= 0 && right <= 1 && down >= 0 && down <= 1)) {
    throw std::invalid_argument("RandomAffine: translate must be two parts of the picture, 0..1, got {" +
                                std::to_string(right) + ", " + std::to_string(down) + "}");
  }
  for (const auto& [what, range] : {std::pair{"shear_x", ranges.shear_x}, std::pair{"shear_y", ranges.shear_y}}) {
    // At a right angle the picture has become a line.
    if (!(range.first > -90 && range.first <= range.second && range.second < 90))
      throw range_error(kName, what, "-90 < low <= high < 90", range);
  }
  check_values(kName, "fill", fill);
}

image::Affine RandomAffine::draw(image::Size input, SampleRng& rng) const {
  const auto uniform = [&](const std::pair<double, double>& range) { return rng.uniform(range.first, range.second); };
  image::Affine affine;
  affine.angle = uniform(ranges.degrees);
  const double most_x = ranges.translate.first * input.width;
  const double most_y = ranges.translate.second * input.height;
  affine.translate[0] = std::nearbyint(rng.uniform(-most_x, most_x));
  affine.translate[1] = std::nearbyint(rng.uniform(-most_y, most_y));
  affine.scale = uniform(ranges.scale);
  affine.shear[0] = uniform(ranges.shear_x);
  affine.shear[1] = uniform(ranges.shear_y);
  return affine;
}

void RandomAffine::apply(Pixels& picture, SampleRng& rng) const {
  picture.transform_affine(draw(picture.size(), rng), interpolation, fill);
}

}  // namespace millrace::transforms
