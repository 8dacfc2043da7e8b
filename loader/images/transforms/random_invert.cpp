#include "millrace/loader/images/transforms/random_invert.h"

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomInvert::RandomInvert(double probability) : p(probability) { check(); }

void RandomInvert::check() const { check_probability(kName, p); }

void RandomInvert::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::invert(picture.planes());
}

}  // namespace millrace::transforms
