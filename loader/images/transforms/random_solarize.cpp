#include "millrace/loader/images/transforms/random_solarize.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomSolarize::RandomSolarize(double least, double probability) : threshold(least), p(probability) { check(); }

void RandomSolarize::check() const {
  if (!(threshold <= 255))
    throw std::invalid_argument("RandomSolarize: threshold must be at most 255, got " + std::to_string(threshold));
  check_probability(kName, p);
}

void RandomSolarize::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::solarize(picture.planes(), threshold);
}

}  // namespace millrace::transforms
