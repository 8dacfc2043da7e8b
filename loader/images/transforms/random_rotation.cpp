#include "millrace/loader/images/transforms/random_rotation.h"

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomRotation::RandomRotation(double most, Interpolation mode, std::vector<uint8_t> values)
    : RandomRotation(std::pair{-most, most}, mode, std::move(values)) {}

RandomRotation::RandomRotation(std::pair<double, double> range, Interpolation mode, std::vector<uint8_t> values)
    : degrees(range), interpolation(mode), fill(std::move(values)) {
  check();
}

void RandomRotation::check() const {
  check_ordered(kName, "degrees", degrees);
  check_values(kName, "fill", fill);
}

image::Affine RandomRotation::draw(SampleRng& rng) const {
  return {.angle = -rng.uniform(degrees.first, degrees.second)};
}

void RandomRotation::apply(Pixels& picture, SampleRng& rng) const {
  picture.transform_affine(draw(rng), interpolation, fill);
}

}  // namespace millrace::transforms
