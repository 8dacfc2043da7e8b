#include "millrace/loader/images/transforms/flips.h"

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

RandomHorizontalFlip::RandomHorizontalFlip(double probability) : p(probability) { check(); }

void RandomHorizontalFlip::check() const { check_probability(kName, p); }

void RandomHorizontalFlip::apply(MovedPicture& picture, SampleRng& rng) const {
  if (rng.chance(p)) picture.flip_horizontal();
}

RandomVerticalFlip::RandomVerticalFlip(double probability) : p(probability) { check(); }

void RandomVerticalFlip::check() const { check_probability(kName, p); }

void RandomVerticalFlip::apply(MovedPicture& picture, SampleRng& rng) const {
  if (rng.chance(p)) picture.flip_vertical();
}

}  // namespace millrace::transforms
