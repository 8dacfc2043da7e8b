#include "millrace/loader/images/transforms/random_equalize.h"

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomEqualize::RandomEqualize(double probability) : p(probability) { check(); }

void RandomEqualize::check() const { check_probability(kName, p); }

void RandomEqualize::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::equalize(picture.planes());
}

}  // namespace millrace::transforms
