#include "millrace/loader/images/transforms/random_posterize.h"

#include <stdexcept>
#include <string>

#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {

RandomPosterize::RandomPosterize(int kept_bits, double probability) : bits(kept_bits), p(probability) { check(); }

void RandomPosterize::check() const {
  if (bits < 0 || bits > 8)
    throw std::invalid_argument("RandomPosterize: bits must be 0..8, got " + std::to_string(bits));
  check_probability(kName, p);
}

void RandomPosterize::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) image::posterize(picture.planes(), bits);
}

}  // namespace millrace::transforms
