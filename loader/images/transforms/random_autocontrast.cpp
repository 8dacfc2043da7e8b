#include "millrace/loader/images/transforms/random_autocontrast.h"

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomAutocontrast::RandomAutocontrast(double probability) : p(probability) { check(); }

void RandomAutocontrast::check() const { check_probability(kName, p); }

void RandomAutocontrast::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::autocontrast(picture.planes());
}

}  // namespace millrace::transforms
