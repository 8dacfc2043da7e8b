#include "millrace/loader/images/transforms/random_apply.h"

#include <utility>

#include "millrace/loader/images/transforms/checks.h"

namespace millrace::transforms {

RandomApply::RandomApply(Chain steps, double probability) : chain(std::move(steps)), p(probability) { check(); }

void RandomApply::check() const {
  require_kept_shape(kName, chain);
  check_probability(kName, p);
}

void RandomApply::apply(Pixels& picture, SampleRng& rng) const {
  if (rng.chance(p)) chain.apply(picture, rng);
}

}  // namespace millrace::transforms
