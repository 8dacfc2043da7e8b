#include "millrace/loader/images/transforms/random_adjust_sharpness.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomAdjustSharpness::RandomAdjustSharpness(double factor, double probability)
    : sharpness_factor(factor), p(probability) {
  check();
}

void RandomAdjustSharpness::check() const {
  if (!(sharpness_factor >= 0 && std::isfinite(sharpness_factor))) {
    throw std::invalid_argument("RandomAdjustSharpness: sharpness_factor must be at least 0, got " +
                                std::to_string(sharpness_factor));
  }
  check_probability(kName, p);
}

void RandomAdjustSharpness::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::adjust_sharpness(picture.planes(), sharpness_factor, picture.scratch().sharpness);
}

}  // namespace millrace::transforms
